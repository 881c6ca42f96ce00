import TestSupport
import Testing

/// What is seen on real terminals, one at a time: others need this computer as well.
@Suite("On a screen", .serialized, .needsScreen)
enum ScreenTests {}
