/// A shell that can complete words.
public enum Shell: String, CaseIterable, Sendable {
  case bash
  case zsh
  case fish
}
