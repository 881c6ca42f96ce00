// The face of the library: whoever imports Warren has the machine it runs on.
@_exported import WarrenCrypto
@_exported import WarrenEventLoop
@_exported import WarrenMachine
@_exported import WarrenMesh
@_exported import WarrenQUIC
@_exported import WarrenRegistry
@_exported import WarrenRelay
@_exported import WarrenSTUN
@_exported import WarrenTLS
@_exported import WarrenTraversal
