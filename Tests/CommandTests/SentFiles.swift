import Glibc
import TestSupport

/// A film and a folder that are sent, and where they go.
struct SentFiles: Sendable {
  let film: String
  let holiday: String
  let into: String

  /// - Parameter filmMegabytes: of holes on the disk, with something at both ends that nothing else is.
  init(in folder: String, filmMegabytes: Int = 8) {
    (film, holiday, into) = (folder + "/film.bin", folder + "/holiday", folder + "/in")
    let script = """
      cd \(folder) && mkdir in holiday holiday/summer && printf beach > holiday/summer/beach.txt && : > holiday/empty &&
      head -c 1000000 /dev/urandom > film.bin && truncate -s \(filmMegabytes)M film.bin && head -c 1000 /dev/urandom >> film.bin
      """
    precondition(system(script) == 0)
  }

  /// The command that receives them.
  var receive: [String] { ["receive", "--loopback", "--into", into] }

  var filmHasArrived: Bool { system("cmp -s \(film) \(into)/film.bin") == 0 }

  var haveArrived: Bool { filmHasArrived && system("diff -r \(holiday) \(into)/holiday") == 0 }

  /// How much of the film lies there that is not all there yet.
  var partBytes: Int {
    var info = stat()
    return stat(into + "/film.bin.part", &info) == 0 ? Int(info.st_size) : 0
  }
}
