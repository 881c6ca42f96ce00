import Testing
@testable import WarrenOptions
