import Testing
import WarrenSimulator

/// A script that somebody has written down, often after a random one had found a difference.
struct NamedScript: CustomTestStringConvertible, Sendable {
  var name: String
  var profile = Profile.masquerade
  var input = NATConfiguration.Unsolicited.drop
  var steps: [PacketScript.Step]
  /// What becomes of the last packet, in both worlds.
  var last: String

  var testDescription: String { name }
}

extension NamedScript {
  /// Those that are over at once.
  static let quick = [
    NamedScript(
      name: "a stranger who is first moves the port where the box takes its packet for its own",
      input: .accept,
      steps: [
        .send(.x1a, to: .z1), .call(.y1, .place(.x1a, seenBy: .z1)), .send(.x1a, to: .y1),
      ], last: "at y1, new"),
    NamedScript(
      name: "at its new place it is reached", input: .accept,
      steps: [
        .send(.x1a, to: .z1), .call(.y1, .place(.x1a, seenBy: .z1)), .send(.x1a, to: .y1),
        .call(.y1, .place(.x1a, seenBy: .y1)),
      ], last: "at x1a, itself"),
    NamedScript(
      name: "nothing moves where the box rejects what it is not asked for", input: .reject,
      steps: [
        .send(.x1a, to: .z1), .call(.y1, .place(.x1a, seenBy: .z1)), .send(.x1a, to: .y1),
      ], last: "at y1, kept"),
    NamedScript(
      name: "nothing moves where the box drops it", input: .drop,
      steps: [
        .send(.x1a, to: .z1), .call(.y1, .place(.x1a, seenBy: .z1)), .send(.x1a, to: .y1),
      ], last: "at y1, kept"),
    NamedScript(
      name: "nothing moves where the inside was first", input: .accept,
      steps: [
        .send(.x1a, to: .z1), .send(.x1a, to: .y1), .call(.y1, .place(.x1a, seenBy: .z1)),
      ], last: "at x1a, itself"),
    NamedScript(
      name: "a socket that has moved stays there, though its own port is free towards others",
      steps: [.send(.x1a, to: .y1), .send(.x2a, to: .y1), .send(.x2a, to: .z1)],
      last: "at z1, shared(flow: 0)"),
    NamedScript(
      name: "it goes back to its own port where its latest is taken, and that not", input: .accept,
      steps: [
        .send(.x1a, to: .y1), .send(.x2a, to: .y1), .call(.z1, .place(.x2a, seenBy: .y1)),
        .send(.x2a, to: .z1),
      ], last: "at z1, kept"),
    NamedScript(
      name: "the latest place counts, not the first",
      steps: [
        .send(.x2a, to: .y2), .send(.x1a, to: .y1), .send(.x2a, to: .y1), .send(.x2a, to: .z1),
      ], last: "at z1, shared(flow: 1)"),
    NamedScript(
      name: "snat moves and stays as masquerade does", profile: .snat,
      steps: [.send(.x1a, to: .y1), .send(.x2a, to: .y1), .send(.x2a, to: .z1)],
      last: "at z1, shared(flow: 0)"),
    NamedScript(
      name: "a random port is another one for each remote end", profile: .masqueradeRandom,
      steps: [.send(.x1a, to: .y1), .send(.x1a, to: .z1), .call(.z1, .place(.x1a, seenBy: .y1))],
      last: "nothing"),
    NamedScript(
      name: "whoever calls another inside by the box's outside address is told that nobody is there",
      input: .reject,
      steps: [.send(.x1a, to: .y1), .call(.x2a, .place(.x1a, seenBy: .y1))], last: "refused"),
    NamedScript(
      name: "by ports that are forwarded those inside meet", profile: .fullCone,
      steps: [.send(.x1a, to: .y1), .call(.x2a, .place(.x1a, seenBy: .y1))], last: "at x1a, kept"),
    NamedScript(
      name: "a full cone lets strangers in", profile: .fullCone,
      steps: [.send(.x1a, to: .y1), .call(.z1, .place(.x1a, seenBy: .y1))], last: "at x1a, itself"),
  ]

  /// Those that take their time, with a second of life before an answer, and three for a stream.
  static let slow = [
    NamedScript(
      name: "without an answer a flow lives for a second, and another packet prolongs it",
      steps: [
        .send(.x1a, to: .y1), .rest(600), .send(.x1a, to: .y1), .rest(700),
        .call(.y1, .place(.x1a, seenBy: .y1)),
        .rest(1500), .call(.y1, .place(.x1a, seenBy: .y1)),
      ], last: "nothing"),
    NamedScript(
      name: "a question and its answers live no longer than the question",
      steps: [
        .send(.x1a, to: .y1), .call(.y1, .place(.x1a, seenBy: .y1)), .send(.x1a, to: .y1),
        .call(.y1, .place(.x1a, seenBy: .y1)), .rest(1500), .call(.y1, .place(.x1a, seenBy: .y1)),
      ], last: "nothing"),
    NamedScript(
      name: "what goes on after two seconds is a stream and lives for three",
      steps: [
        .send(.x1a, to: .y1), .rest(700), .call(.y1, .place(.x1a, seenBy: .y1)), .rest(700),
        .send(.x1a, to: .y1),
        .rest(800), .send(.x1a, to: .y1), .rest(2500), .call(.y1, .place(.x1a, seenBy: .y1)),
      ], last: "at x1a, itself"),
    NamedScript(
      name: "and not longer",
      steps: [
        .send(.x1a, to: .y1), .rest(700), .call(.y1, .place(.x1a, seenBy: .y1)), .rest(700),
        .send(.x1a, to: .y1),
        .rest(800), .send(.x1a, to: .y1), .rest(3500), .call(.y1, .place(.x1a, seenBy: .y1)),
      ], last: "nothing"),
    NamedScript(
      name: "a first answer after two seconds makes no stream",
      steps: [
        .send(.x1a, to: .y1), .rest(700), .send(.x1a, to: .y1), .rest(700), .send(.x1a, to: .y1), .rest(800),
        .call(.y1, .place(.x1a, seenBy: .y1)), .rest(1500), .call(.y1, .place(.x1a, seenBy: .y1)),
      ], last: "nothing"),
    NamedScript(
      name: "a second one does",
      steps: [
        .send(.x1a, to: .y1), .rest(700), .send(.x1a, to: .y1), .rest(700), .send(.x1a, to: .y1), .rest(800),
        .call(.y1, .place(.x1a, seenBy: .y1)), .rest(500), .call(.y1, .place(.x1a, seenBy: .y1)), .rest(2000),
        .call(.y1, .place(.x1a, seenBy: .y1)),
      ], last: "at x1a, itself"),
    NamedScript(
      name: "where a flow has ended its port is free",
      steps: [
        .send(.x1a, to: .y1), .send(.x2a, to: .y1), .rest(1500), .send(.x2a, to: .y1),
      ], last: "at y1, kept"),
    NamedScript(
      name: "a stranger's entry ends as well", input: .accept,
      steps: [
        .send(.x1a, to: .z1), .call(.y1, .place(.x1a, seenBy: .z1)), .rest(1500), .send(.x1a, to: .y1),
      ], last: "at y1, kept"),
  ]
}
