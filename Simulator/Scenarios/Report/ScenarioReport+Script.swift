extension ScenarioReport {
  /// What a page does besides: it finds, sorts and opens. Without it everything is there as well.
  ///
  /// No `<` and no `&` stands in it: the page can be read as XML, too.
  static let script: Markup = #"""
    (function () {
      "use strict";
      var table = document.querySelector("table.scenarios");
      var rows = Array.from(table.tBodies), runs = Array.from(document.querySelectorAll("details[id]"));
      var tools = document.getElementById("tools");

      var field = document.createElement("input");
      field.type = "search";
      field.placeholder = "Find a scenario";
      field.setAttribute("aria-label", "Find a scenario");
      field.addEventListener("input", function () {
        var text = field.value.trim().toLowerCase();
        [rows, runs].forEach(function (list) {
          list.forEach(function (one) {
            var head = one.querySelector("summary, th");
            one.hidden = !head.textContent.toLowerCase().includes(text);
          });
        });
      });
      tools.appendChild(field);

      var all = document.createElement("button");
      all.type = "button";
      var areOpen = false;
      var say = function () { all.textContent = areOpen ? "Close all runs" : "Open all runs"; };
      all.addEventListener("click", function () {
        areOpen = !areOpen;
        runs.forEach(function (run) { run.open = areOpen; });
        say();
      });
      say();
      tools.appendChild(all);

      Array.from(table.tHead.rows[0].cells).forEach(function (cell, column) {
        var kind = cell.dataset.sort;
        if (!kind) { return; }
        var button = document.createElement("button");
        button.type = "button";
        button.textContent = cell.textContent;
        cell.textContent = "";
        cell.appendChild(button);
        button.addEventListener("click", function () {
          var down = cell.getAttribute("aria-sort") === (kind === "text" ? "ascending" : "descending");
          var sign = (kind === "text") === down ? -1 : 1;
          Array.from(cell.parentNode.cells).forEach(function (other) { other.removeAttribute("aria-sort"); });
          cell.setAttribute("aria-sort", sign === 1 ? "ascending" : "descending");
          rows.slice().sort(function (one, other) {
            var a = one.rows[0].cells[column], b = other.rows[0].cells[column];
            if (kind === "text") { return sign * a.textContent.localeCompare(b.textContent); }
            return sign * (Number(a.dataset.value) - Number(b.dataset.value));
          }).forEach(function (row) { table.appendChild(row); });
        });
      });

      var go = function () {
        var run = runs.find(function (run) { return "#" + run.id === location.hash; });
        if (run) { run.open = true; run.scrollIntoView(); }
      };
      window.addEventListener("hashchange", go);
      document.addEventListener("click", function (event) {
        var link = event.target.closest("a[href^='#']");
        if (link) { if (link.hash === location.hash) { go(); } }
      });
      go();
    })();
    """#
}
