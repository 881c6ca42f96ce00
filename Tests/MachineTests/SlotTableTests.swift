import Testing

@testable import WarrenMachine

@Suite("Values under numbers that are used again")
struct SlotTableTests {
  @Test("whoever came later is later, whatever number is used again")
  func order() {
    var table = SlotTable<String>()
    let numbers = ["first", "second", "third"].map { table.add($0) }
    #expect(table.remove(numbers[0]) == "first")
    #expect(table.add("fourth") == numbers[0])
    #expect(table.oldestFirst == ["second", "third", "fourth"])
  }

  @Test("what is gone is gone once")
  func gone() {
    var table = SlotTable<Int>()
    let number = table.add(1)
    #expect(table.remove(number) == 1)
    #expect(table.remove(number) == nil)
    // Freed twice it would be given out twice.
    #expect(table.add(2) != table.add(3))
    #expect(table.oldestFirst == [2, 3])
  }
}
