import Testing

/// Everything that needs this computer: one test after another, so that threads and descriptors can be counted.
@Suite("The local machine", .serialized)
struct LocalMachineTests {}
