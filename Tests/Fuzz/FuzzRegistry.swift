import Warren

/// Reads requests from a stream; what is found is the same however the stream is cut, and nothing is held beyond the limits.
func fuzzHTTP(_ bytes: [UInt8]) {
  precondition(requests(in: [bytes]) == requests(in: bytes.map { [$0] }))
}

private func requests(in pieces: [[UInt8]]) -> [Result<HTTPRequest, HTTPError>] {
  var reader = HTTPRequestReader()
  var found: [Result<HTTPRequest, HTTPError>] = []
  for piece in pieces {
    reader.append(piece)
    do throws(HTTPError) {
      while let request = try reader.next() {
        precondition(request.body.count <= HTTPLimits.bodyBytes && request.fields.count <= HTTPLimits.fields)
        precondition(!request.fields.contains { $0.name.isEmpty || $0.name.contains { $0.isWhitespace } })
        found.append(.success(request))
      }
    } catch {
      precondition(!error.reason.isEmpty)
      return found + [.failure(error)]
    }
  }
  return found
}

/// Reads questions of the pairing from a stream; they are the same however it is cut.
func fuzzPairing(_ bytes: [UInt8]) {
  let whole = questions(in: [bytes])
  precondition(whole == questions(in: bytes.map { [$0] }))
  for case .success(let bytes) in whole {
    do throws(RegistryError) {
      _ = try PairingQuestion(bytes)
    } catch {
      precondition(error.code == .badMessage && !error.reason.isEmpty)
    }
  }
}

private func questions(in pieces: [[UInt8]]) -> [Result<[UInt8], RegistryError>] {
  var reader = JSONObjectReader()
  var found: [Result<[UInt8], RegistryError>] = []
  for piece in pieces {
    reader.append(piece)
    do throws(RegistryError) {
      while let question = try reader.next() { found.append(.success(question)) }
    } catch {
      return found + [.failure(error)]
    }
  }
  return found
}
