/// What a command line asks for.
public enum Request {
  case run(any Command)
  /// To show the help of the command with these names.
  case help([String])
  case version
}
