try await Simulation.datagramsThroughNATs()
try await Simulation.memoryOfMachines()
