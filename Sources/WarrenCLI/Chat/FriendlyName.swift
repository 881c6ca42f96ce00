/// Names of two words for those who give none.
enum FriendlyName {
  private static let qualities = [
    "amber", "brave", "bright", "brisk", "calm", "clever", "copper", "curious", "daring", "early", "fond",
    "gentle",
    "glad", "golden", "happy", "honest", "jolly", "keen", "kind", "lively", "lucky", "mellow", "merry",
    "mild", "nimble",
    "noble", "patient", "plucky", "polite", "proud", "quick", "quiet", "rapid", "ready", "silver", "sincere",
    "smart",
    "sunny", "swift", "tidy", "trusty", "upbeat", "valiant", "vivid", "warm", "wise", "witty", "zesty",
  ]
  private static let animals = [
    "badger", "beaver", "bison", "bunny", "camel", "crane", "curlew", "dolphin", "donkey", "eagle", "falcon",
    "ferret",
    "finch", "fox", "gecko", "gopher", "hare", "hedgehog", "heron", "ibis", "jackdaw", "kestrel", "lark",
    "lemur",
    "linnet", "lynx", "magpie", "marmot", "marten", "mole", "moose", "newt", "otter", "owl", "panda", "pika",
    "plover",
    "puffin", "rabbit", "raven", "robin", "seal", "shrew", "sparrow", "stoat", "swallow", "tapir", "vole",
    "wombat", "wren",
  ]

  static func drawn() -> String {
    "\(qualities.randomElement()!)-\(animals.randomElement()!)"
  }
}
