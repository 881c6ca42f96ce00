/// Bytes as base64 (RFC 4648, 4), as passwords and nonces are written.
///
/// - Parameter padded: whether with the signs at the end that say how many bytes were missing.
func base64(_ bytes: some Collection<UInt8>, padded: Bool = true) -> [UInt8] {
  let digits = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
  var text: [UInt8] = []
  text.reserveCapacity((bytes.count + 2) / 3 * 4)
  var (bits, count) = (0, 0)
  for byte in bytes {
    bits = bits << 8 | Int(byte)
    count += 8
    while count >= 6 {
      count -= 6
      text.append(digits[bits >> count & 63])
    }
  }
  if count > 0 { text.append(digits[bits << (6 - count) & 63]) }
  while padded, text.count % 4 != 0 { text.append(UInt8(ascii: "=")) }
  return text
}
