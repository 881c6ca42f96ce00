// Each figure beside a limit or another program's, in one run on one machine: only the ratios mean much.
let only = CommandLine.arguments.dropFirst().first

func wants(_ name: String) -> Bool { only == nil || only == name }

if wants("loopback") { try await LoopbackDatagrams.run() }
if wants("actors") { try await ActorCalls.run() }
if wants("simulation") { try await Simulation.datagramsThroughNATs() }
if wants("connects") { try await SimulatedPeers.connects() }
if wants("idle") { try await SimulatedPeers.idle() }
if wants("memory") { try await Simulation.memoryOfMachines() }
if wants("stun") { STUNMessages.run() }
if wants("quic") { try await QUICBenchmark.run() }
if wants("tls") { try TLSBenchmark.run() }
if only == "quichandshakes" { try await QUICBenchmark.runHandshakes() }
if only == "quictransfer" { try await QUICBenchmark.runTransfer() }
if wants("relayclient") { try await RelayClientBenchmark.run() }
if wants("stunservers") { try await STUNServers.run() }
if wants("relay") { try RelayBenchmark.run() }
if only == "relay-server" { try await RelayBenchmark.serve() }
// With one more word it is a file of so many MiB.
if wants("files") { try await FilesBenchmark.run() }
if only == "files-receiver" { try await FilesBenchmark.receive() }
if only == "files-sender" { try await FilesBenchmark.send() }
if wants("mesh") { try await MeshBenchmark.run() }
// `registry` is all of it; with one more word it is one kind of question.
let isAll = only == "registry" && CommandLine.arguments.count == 2
if wants("registry") { try await RegistryBenchmark.run() }
if wants("http") || isAll { try await RegistryOverHTTP.run() }
if wants("registry-memory") || isAll { try await RegistryMemory.run() }
if only == "registry-server" { try await RegistryMemory.serve() }
