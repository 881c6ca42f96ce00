import WarrenOptions

extension Swarms: Command {
  static let nodes = Option<Int?>(
    "nodes", .number(2...2000), "how many nodes there are: 5, 50 and 500 if nothing is said")
  static let seeds = LaboratoryWords.seeds(10)
  static let hours = Option(
    "hours", .number(0...100), "do nothing for so long, and see who is taken for dead", default: 0)
  static let rough = Option.flag("rough", "let nodes crash and come back, and cut the mesh in two")
  static let whole = Option.flag("whole", "run whole nodes behind NATs, and not their cores alone")

  static var description: CommandDescription {
    CommandDescription(
      "swarm", "show what many nodes of a mesh do: join, talk, crash, come back", group: .laboratory,
      options: [
        nodes, seeds, LaboratoryWords.seed, LaboratoryWords.loss, hours, rough, whole, JSONWord.json,
      ],
      rules: [.atMostOne(of: [seeds, LaboratoryWords.seed])],
      examples: [
        Example(
          "warren swarm --nodes 50 --loss 10 --rough --seeds 20", "crash some of 50 nodes in a bad network"),
        Example("warren swarm --whole --nodes 9 --seed 3", "show what nine whole nodes do, event by event"),
      ])
  }
}
