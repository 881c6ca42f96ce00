// swift-tools-version: 6.2
import PackageDescription

let strict: [SwiftSetting] = [
  .treatAllWarnings(as: .error),
  .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
  .enableUpcomingFeature("ExistentialAny"),
  // A batch of datagrams is lent, never kept: types that cannot escape still need this flag in Swift 6.3.
  .enableExperimentalFeature("Lifetimes"),
]

let package = Package(
  name: "Warren",
  products: [
    .library(name: "Warren", targets: ["Warren"]),
    .library(name: "WarrenSimulator", targets: ["WarrenSimulator"]),
    .library(name: "WarrenScenarios", targets: ["WarrenScenarios"]),
    .executable(name: "warren", targets: ["WarrenCLI"]),
  ],
  targets: [
    // C at the edge, and nothing else.
    .systemLibrary(
      name: "CLibuv", path: "Sources/CLibuv", pkgConfig: "libuv",
      providers: [.apt(["libuv1-dev"]), .brew(["libuv"])]),
    .systemLibrary(
      name: "CGnuTLS", path: "Sources/CGnuTLS", pkgConfig: "gnutls",
      providers: [.apt(["libgnutls28-dev"]), .brew(["gnutls"])]),
    .systemLibrary(
      name: "CMiniUPnPc", path: "Sources/CMiniUPnPc", pkgConfig: "miniupnpc",
      providers: [.apt(["libminiupnpc-dev"]), .brew(["miniupnpc"])]),
    .systemLibrary(
      name: "CHTTPParser", path: "Sources/CHTTPParser",
      providers: [.apt(["libhttp-parser-dev"]), .brew(["http-parser"])]),
    .systemLibrary(
      name: "CEditLine", path: "Sources/CEditLine", pkgConfig: "libedit",
      providers: [.apt(["libedit-dev"]), .brew(["libedit"])]),
    .target(name: "CDatagrams", path: "Sources/CDatagrams"),
    .target(name: "CConcurrency", path: "Sources/CConcurrency"),
    .target(name: "CFiles", path: "Sources/CFiles"),
    .target(name: "CIdentity", path: "Sources/CIdentity", linkerSettings: [.linkedLibrary("gnutls")]),
    .target(
      name: "CQUIC", dependencies: ["CIdentity"], path: "Sources/CQUIC",
      cSettings: [.define("_GNU_SOURCE")],
      linkerSettings: [
        .linkedLibrary("ngtcp2_crypto_gnutls"), .linkedLibrary("ngtcp2"), .linkedLibrary("gnutls"),
      ]),

    // The rooms, from the ground up: each imports only what stands above it here.
    .target(name: "WarrenMachine", path: "Sources/Machine", swiftSettings: strict),
    .target(name: "WarrenOptions", path: "Sources/Options", swiftSettings: strict),
    .target(
      name: "WarrenEventLoop",
      dependencies: ["WarrenMachine", "CLibuv", "CMiniUPnPc", "CDatagrams", "CFiles"],
      path: "Sources/EventLoop", swiftSettings: strict),
    .target(
      name: "WarrenCrypto", dependencies: ["WarrenMachine", "CGnuTLS"], path: "Sources/Crypto",
      swiftSettings: strict),
    .target(
      name: "WarrenSTUN", dependencies: ["WarrenMachine", "WarrenCrypto"], path: "Sources/STUN",
      swiftSettings: strict),
    .target(
      name: "WarrenTraversal", dependencies: ["WarrenMachine", "WarrenCrypto", "WarrenSTUN"],
      path: "Sources/Traversal", swiftSettings: strict),
    .target(
      name: "WarrenQUIC", dependencies: ["WarrenMachine", "WarrenCrypto", "CQUIC"], path: "Sources/QUIC",
      swiftSettings: strict),
    .target(
      name: "WarrenTLS", dependencies: ["WarrenMachine", "WarrenCrypto", "CGnuTLS", "CIdentity"],
      path: "Sources/TLS", swiftSettings: strict),
    .target(
      name: "WarrenRelay", dependencies: ["WarrenMachine", "WarrenCrypto", "WarrenSTUN", "WarrenTLS"],
      path: "Sources/Relay", swiftSettings: strict),
    .target(
      name: "WarrenRegistry",
      dependencies: [
        "WarrenMachine", "WarrenCrypto", "WarrenSTUN", "WarrenQUIC", "WarrenTLS", "WarrenRelay",
        "CHTTPParser",
      ],
      path: "Sources/Registry", swiftSettings: strict),
    .target(
      name: "WarrenMesh", dependencies: ["WarrenMachine", "WarrenCrypto"], path: "Sources/Mesh",
      swiftSettings: strict),
    .target(
      name: "Warren",
      dependencies: [
        "WarrenMachine", "WarrenEventLoop", "WarrenCrypto", "WarrenSTUN", "WarrenTraversal", "WarrenQUIC",
        "WarrenTLS", "WarrenRelay", "WarrenRegistry", "WarrenMesh",
      ],
      path: "Sources/Warren", swiftSettings: strict),
    .target(
      name: "WarrenSimulator", dependencies: ["WarrenMachine", "CConcurrency"], path: "Simulator",
      exclude: ["Laboratory", "Scenarios"],
      swiftSettings: strict),
    .target(
      name: "WarrenLaboratory", dependencies: ["Warren", "WarrenSimulator"], path: "Simulator/Laboratory",
      swiftSettings: strict),
    .target(
      name: "WarrenScenarios", dependencies: ["Warren", "WarrenSimulator"], path: "Simulator/Scenarios",
      resources: [.embedInCode("Named")], swiftSettings: strict),
    .target(
      name: "WarrenTerminal", dependencies: ["WarrenMachine", "CEditLine"], path: "Sources/Terminal",
      swiftSettings: strict),
    .executableTarget(
      name: "WarrenCLI",
      dependencies: [
        "Warren", "WarrenOptions", "WarrenSimulator", "WarrenLaboratory", "WarrenScenarios", "WarrenTerminal",
      ],
      path: "Sources/WarrenCLI",
      swiftSettings: strict),

    // Proof, and what its parts share.
    .target(
      name: "TestSupport", dependencies: ["WarrenMachine", "WarrenEventLoop", "WarrenTraversal"],
      path: "Tests/Support",
      swiftSettings: strict),
    .testTarget(
      name: "MachineTests", dependencies: ["WarrenMachine", "TestSupport"], path: "Tests/MachineTests",
      swiftSettings: strict),
    .testTarget(
      name: "OptionsTests", dependencies: ["WarrenOptions", "TestSupport"], path: "Tests/OptionsTests",
      swiftSettings: strict),
    .testTarget(
      name: "EventLoopTests", dependencies: ["WarrenEventLoop", "TestSupport"], path: "Tests/EventLoopTests",
      swiftSettings: strict),
    .testTarget(
      name: "CryptoTests", dependencies: ["WarrenCrypto", "TestSupport"], path: "Tests/CryptoTests",
      swiftSettings: strict),
    .testTarget(
      name: "STUNTests", dependencies: ["WarrenSTUN", "TestSupport"], path: "Tests/STUNTests",
      swiftSettings: strict),
    .testTarget(
      name: "TraversalTests", dependencies: ["Warren", "WarrenSimulator", "WarrenLaboratory", "TestSupport"],
      path: "Tests/TraversalTests",
      exclude: ["Interop/aioice_agent.py"], swiftSettings: strict),
    .testTarget(
      name: "QUICTests", dependencies: ["WarrenQUIC", "WarrenSimulator", "WarrenEventLoop", "TestSupport"],
      path: "Tests/QUICTests", exclude: ["Interop/aioquic_peer.py", "Interop/make_certificate.py"],
      swiftSettings: strict),
    .testTarget(
      name: "TLSTests", dependencies: ["WarrenTLS", "WarrenEventLoop", "CGnuTLS", "TestSupport"],
      path: "Tests/TLSTests", swiftSettings: strict),
    .testTarget(
      name: "RelayTests", dependencies: ["Warren", "WarrenSimulator", "TestSupport"],
      path: "Tests/RelayTests", swiftSettings: strict),
    .testTarget(
      name: "RegistryTests", dependencies: ["WarrenRegistry", "TestSupport"], path: "Tests/RegistryTests",
      swiftSettings: strict),
    .testTarget(
      name: "MeshTests",
      dependencies: ["Warren", "WarrenMesh", "WarrenSimulator", "WarrenLaboratory", "TestSupport"],
      path: "Tests/MeshTests", swiftSettings: strict),
    .testTarget(
      name: "WarrenTests",
      dependencies: ["Warren", "WarrenMesh", "WarrenSimulator", "WarrenLaboratory", "TestSupport"],
      path: "Tests/WarrenTests", swiftSettings: strict),
    .testTarget(
      name: "ScenarioTests",
      dependencies: ["Warren", "WarrenSimulator", "WarrenLaboratory", "WarrenScenarios", "TestSupport"],
      path: "Tests/ScenarioTests", swiftSettings: strict),
    .testTarget(
      name: "SimulatorTests", dependencies: ["WarrenSimulator", "TestSupport"], path: "Tests/SimulatorTests",
      swiftSettings: strict),
    .testTarget(
      name: "LabTests",
      dependencies: ["Warren", "WarrenSimulator", "WarrenScenarios", "WarrenCLI", "TestSupport"],
      path: "Tests/Lab",
      swiftSettings: strict),
    .testTarget(
      name: "BothWorldsTests",
      dependencies: ["Warren", "WarrenQUIC", "WarrenSimulator", "WarrenLaboratory", "TestSupport"],
      path: "Tests/BothWorldsTests",
      swiftSettings: strict),
    .executableTarget(
      name: "TerminalProgram", dependencies: ["WarrenMachine", "WarrenTerminal"],
      path: "Tests/TerminalTests/Program", swiftSettings: strict),
    .testTarget(
      name: "TerminalTests", dependencies: ["WarrenTerminal", "TerminalProgram", "TestSupport"],
      path: "Tests/TerminalTests", exclude: ["Program"], swiftSettings: strict),
    .testTarget(
      name: "CommandTests", dependencies: ["Warren", "WarrenCLI", "TestSupport"],
      path: "Tests/CommandTests", swiftSettings: strict),
    .testTarget(
      name: "DocumentationTests", dependencies: ["Warren", "WarrenSimulator", "WarrenScenarios"],
      path: "Tests/DocumentationTests", swiftSettings: strict),

    // Small programs to learn from.
    .executableTarget(
      name: "ExampleHello", dependencies: ["Warren"], path: "Examples/Hello", swiftSettings: strict),
    .executableTarget(
      name: "ExampleSendFile", dependencies: ["Warren"], path: "Examples/SendFile", swiftSettings: strict),
    .executableTarget(
      name: "ExampleGroupChat", dependencies: ["Warren"], path: "Examples/GroupChat", swiftSettings: strict),
    .executableTarget(
      name: "ExampleSharePort", dependencies: ["Warren"], path: "Examples/SharePort", swiftSettings: strict),
    .executableTarget(
      name: "ExampleBehindNATs", dependencies: ["Warren", "WarrenSimulator"], path: "Examples/BehindNATs",
      swiftSettings: strict),

    .target(name: "CBare", path: "Benchmarks/CBare"),
    .target(
      name: "CBareQUIC", path: "Benchmarks/CBareQUIC",
      linkerSettings: [
        .linkedLibrary("ngtcp2"), .linkedLibrary("ngtcp2_crypto_gnutls"), .linkedLibrary("gnutls"),
      ]),
    .target(
      name: "CBareTLS", path: "Benchmarks/CBareTLS", linkerSettings: [.linkedLibrary("gnutls")]),
    .executableTarget(
      name: "Benchmarks",
      dependencies: [
        "Warren", "WarrenQUIC", "WarrenTLS", "WarrenRelay", "WarrenSimulator", "WarrenLaboratory", "CBare",
        "CBareQUIC", "CBareTLS",
      ],
      path: "Benchmarks", exclude: ["CBare", "CBareQUIC", "CBareTLS", "Others"], swiftSettings: strict),
  ],
  swiftLanguageModes: [.v6]
)

// Only for `make fuzz`: a program whose beginning is libFuzzer's.
if Context.environment["WARREN_FUZZ"] != nil {
  package.products.append(.executable(name: "Fuzz", targets: ["Fuzz"]))
  package.targets.append(
    .executableTarget(
      name: "Fuzz", dependencies: ["Warren", "WarrenQUIC", "WarrenTLS"], path: "Tests/Fuzz",
      swiftSettings: strict + [.unsafeFlags(["-parse-as-library"])]))
}
