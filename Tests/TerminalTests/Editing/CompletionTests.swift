import Testing

@testable import WarrenTerminal

@Suite("What Tab makes of a word")
struct CompletionTests {
  private func complete(_ text: String, _ words: String...) -> Completion {
    Completion(of: CompletionQuestion(text), among: words)
  }

  @Test("the word is what stands behind the last space")
  func question() {
    let question = CompletionQuestion("/send  bob he")
    #expect(question.wordsBefore == ["/send", "bob"] && question.word == "he")
    #expect(CompletionQuestion("/send ").word == "" && CompletionQuestion("").wordsBefore == [])
  }

  @Test("one word is put in whole, several as far as they agree, and then they are shown")
  func answers() {
    #expect(complete("/s", "/send", "/peers").insertion == "end ")
    #expect(complete("/s", "/send", "/service", "/serve").insertion == "e")
    #expect(complete("/se", "/send", "/serve").choices == ["/send", "/serve"])
    #expect(complete("/send", "/send").insertion == " ")
    #expect(complete("x", "/send") == complete("x"))
  }

  @Test("letters with accents are not torn, and words that could disturb are not there")
  func letters() {
    #expect(complete("gr", "grün", "größer").choices == ["größer", "grün"])
    #expect(complete("b", "bob", "b\u{1B}[2J").insertion == "ob ")
  }
}
