extension ScenarioReport {
  /// How a page looks: one accent, one colour for what is wrong, and shades between.
  static let style: Markup = #"""

    :root{--page:#fcfbf9;--card:#fff;--ink:#1c1b1a;--soft:#5f5c58;--faint:#8a8680;--line:#e5e1db;--hair:#efece7;--accent:#2b5fa8;--wash:#dde8f6;--middle:#7fa6d8;--quiet:#b9b4ab;--bad:#b2440f;--badwash:#fbeee6;
    --h0:#f7efe9;--h1:#e3ebf5;--h2:#c5d8ee;--h3:#95b8e0;--h4:#4472b3;--h5:#1f4a88;--serif:"Iowan Old Style","Charter","Palatino Linotype",Palatino,Georgia,"Source Serif 4","Noto Serif",serif;--sans:system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans","Liberation Sans",sans-serif;--mono:ui-monospace,"SF Mono",Menlo,Consolas,"DejaVu Sans Mono",monospace}
    @media(prefers-color-scheme:dark){:root{--page:#141517;--card:#1b1c1f;--ink:#eceae6;--soft:#aba7a0;--faint:#87837c;--line:#33353a;--hair:#26282c;--accent:#86b4f2;--wash:#22344d;--middle:#4d78b3;--quiet:#5d5c5a;--bad:#f39a6b;--badwash:#38241a;
    --h0:#33261f;--h1:#1f2a3a;--h2:#263f5f;--h3:#335d92;--h4:#6595d3;--h5:#a8cbf7}}
    *{box-sizing:border-box}
    html{-webkit-text-size-adjust:100%;scroll-behavior:smooth}
    body{margin:0;background:var(--page);color:var(--ink);font:16px/1.55 var(--sans)}
    main{max-width:1160px;margin:0 auto;padding:72px 32px 96px}
    h1,h2,h3,h4{font-family:var(--serif);font-weight:500;line-height:1.2;margin:0;text-wrap:balance}
    h1{font-size:clamp(2rem,5vw,3.1rem);letter-spacing:-.015em;margin:.1em 0 .9em}
    h2{font-size:1.65rem;margin:2.9em 0 .6em}
    h3{font-size:1.25rem;display:inline}
    h4{font-size:1.05rem}
    p{margin:.4em 0}
    a{color:var(--accent);text-decoration-thickness:1px;text-underline-offset:.18em}
    :focus-visible{outline:2px solid var(--accent);outline-offset:3px;border-radius:2px}
    code{font:.84em/1.5 var(--mono);background:var(--hair);padding:.15em .45em;border-radius:4px;overflow-wrap:anywhere}
    .kicker{color:var(--accent);font-size:.86rem;letter-spacing:.04em}
    .lead{color:var(--soft);max-width:44em}
    .faint{color:var(--faint)}
    .bad{color:var(--bad)}
    .figures{display:flex;flex-wrap:wrap;gap:12px 56px;margin:0;padding:22px 0;border-top:1px solid var(--line);border-bottom:1px solid var(--line)}
    .figures dd{margin:0;font:400 2rem/1.15 var(--serif);font-variant-numeric:lining-nums tabular-nums}
    .figures div{display:flex;flex-direction:column}
    .figures dt{color:var(--soft);font-size:.88rem}
    table{border-collapse:collapse;width:100%;font-size:.92rem}
    th,td{text-align:left;vertical-align:top;padding:11px 14px 11px 0;font-weight:400;border-top:1px solid var(--hair)}
    thead th,thead td{color:var(--soft);font-size:.8rem;vertical-align:bottom;border-top:0;border-bottom:1px solid var(--line);padding-bottom:7px;white-space:nowrap}
    th:last-child,td:last-child{padding-right:0}
    .number{text-align:right;font-variant-numeric:lining-nums tabular-nums;white-space:nowrap}
    .rules th[scope=row]{white-space:nowrap;font-weight:500}
    .rules td{color:var(--soft)}
    .rules .number{color:var(--ink)}
    .rules .number.bad{color:var(--bad);font-weight:600}
    .bar{display:inline-block;vertical-align:0;margin-left:10px}
    .bar rect{fill:var(--middle)}
    .bar.ways{display:block;margin:7px 0 3px}
    .count{color:var(--soft);font-size:.84rem;white-space:nowrap}
    .mark{white-space:nowrap}
    .mark .count{font-weight:400}
    .right .mark{color:var(--soft)}
    .wrong .mark{color:var(--bad);font-weight:600}
    .why{display:block;color:var(--soft);font-size:.86rem;line-height:1.45;max-width:34em;margin-top:2px}
    .scenarios th[scope=row]{width:31%}
    .scenarios th[scope=row] a{font-weight:600;text-decoration:none}
    .scenarios th[scope=row] a:hover{text-decoration:underline}
    .scenarios .wrong th[scope=row] a{color:var(--bad)}
    .scenarios tr.told td{border:0;padding:0 0 18px}
    .scenarios .told .failures{margin-top:0}
    .scenarios tbody:hover{background:color-mix(in srgb,var(--wash) 26%,transparent)}
    th button,#tools button{font:inherit;color:inherit;background:none;border:0;padding:0;cursor:pointer}
    th button::after{content:" ↕";color:var(--quiet)}
    th[aria-sort=ascending] button::after{content:" ↑";color:var(--accent)}
    th[aria-sort=descending] button::after{content:" ↓";color:var(--accent)}
    #tools{display:flex;flex-wrap:wrap;gap:12px;margin:18px 0 26px}
    #tools input,#tools button{font:inherit;font-size:.92rem;color:var(--ink);background:var(--card);border:1px solid var(--line);border-radius:7px;padding:8px 13px}
    #tools input{flex:1 1 16em;max-width:24em}
    #tools button:hover{border-color:var(--accent)}
    .failures{list-style:none;margin:9px 0;padding:9px 14px;background:var(--badwash);border-left:3px solid var(--bad);border-radius:0 5px 5px 0;font-size:.86rem;line-height:1.5;overflow-wrap:anywhere}
    .failures li+li{margin-top:5px}
    .keys{display:flex;flex-wrap:wrap;gap:3px 20px;color:var(--soft);font-size:.82rem;margin:.5em 0}
    .key{display:inline-flex;align-items:center;gap:6px}
    .axis,.spread{display:block}
    .plot{min-width:214px}
    th.plot .axis{margin-top:5px}
    svg text{fill:var(--soft);font:11px var(--sans)}
    .axis text{font-size:10px}
    .spread rect{fill:var(--accent)}
    .grid{stroke:var(--hair);fill:none}
    .base{stroke:var(--line);fill:none}
    .middle{fill:var(--ink)}
    .ways .direct rect{fill:var(--accent)}
    .ways .tcp rect{fill:var(--middle)}
    .ways .relayed rect{fill:var(--quiet)}
    section>details{border-top:1px solid var(--line);padding:18px 0;scroll-margin-top:14px}
    section>details>summary{cursor:pointer;list-style:none;display:grid;grid-template-columns:1.4em auto 1fr;align-items:baseline;column-gap:10px}
    section>details>summary::-webkit-details-marker{display:none}
    section>details>summary::before{content:"+";color:var(--accent);font:500 1.2rem var(--mono)}
    section>details[open]>summary::before{content:"–"}
    section>details>summary .mark{font-size:.88rem}
    section>details>summary .why{grid-column:2/-1}
    .wrong h3{color:var(--bad)}
    .run{color:var(--soft);font-size:.88rem;margin:16px 0}
    figure{margin:26px 0 40px}
    figcaption{margin-bottom:10px}
    .wide{overflow-x:auto;padding:20px;background:var(--card);border:1px solid var(--hair);border-radius:10px}
    .wide svg{display:block;margin:0 auto}
    .more{color:var(--soft);font-size:.88rem}
    .topology .cable{stroke:var(--quiet);fill:none;stroke-width:1.2}
    .topology rect{fill:var(--card);stroke:var(--quiet)}
    .topology rect.box{fill:color-mix(in srgb,var(--quiet) 12%,transparent);stroke:var(--quiet);stroke-dasharray:4 3}
    .topology rect.peer{fill:var(--wash);stroke:var(--accent)}
    .topology text.name,.sequence text.name{fill:var(--ink);font-size:13px;font-weight:500;text-anchor:middle}
    .topology rect~text.role{text-anchor:middle}
    .sequence text.role{text-anchor:middle}
    .sequence .machine{stroke:var(--quiet);fill:none;stroke-width:1.2}
    .sequence .box{stroke:color-mix(in srgb,var(--quiet) 36%,transparent);fill:none;stroke-width:9}
    .sequence .time{text-anchor:end;fill:var(--faint);font-size:10.5px;font-variant-numeric:tabular-nums}
    .sequence path.note{stroke:var(--quiet);stroke-dasharray:2 3}
    .sequence path.answer{stroke:var(--accent);stroke-width:1.5}
    .sequence text.note,.sequence text.answer,.arrow text{paint-order:stroke;stroke:var(--card);stroke-width:3.5px;stroke-linejoin:round}
    .sequence text.answer{fill:var(--accent);font-weight:600}
    .arrow{--c:var(--accent)}
    .arrow.tcp{--c:var(--ink)}
    .arrow.icmp{--c:var(--faint)}
    .arrow.dead{--c:var(--bad)}
    .arrow path{stroke:var(--c);fill:none;stroke-width:1.3;stroke-linejoin:round}
    .arrow.tcp path{stroke-dasharray:7 2}
    .arrow.icmp path{stroke-dasharray:2 2}
    .arrow.open path{stroke-dasharray:1 3}
    .arrow path.head{fill:var(--c);stroke:none}
    .arrow path.band{fill:var(--c);stroke:none;opacity:.13}
    .arrow path.band.long{opacity:.04}
    .arrow path.lasting{stroke-width:5;opacity:.4;stroke-dasharray:none}
    .arrow path.later{opacity:.5}
    .arrow path.cross{stroke-width:1.8;stroke-dasharray:none}
    .arrow circle{fill:var(--c)}
    .arrow text{font-size:10.5px;font-variant-numeric:tabular-nums}
    .arrow.dead text.why{fill:var(--bad)}
    .arrow text.back{text-anchor:end}
    .arrow:hover path{stroke-width:2.2}
    .ways .label{text-anchor:end;font-size:12px;fill:var(--ink)}
    .ways .label.faint{font-size:11px;fill:var(--faint)}
    .ways .tick{text-anchor:middle;font-size:10.5px;fill:var(--faint)}
    .ways .asking{stroke:var(--quiet);stroke-width:1.5;stroke-dasharray:2 2}
    .ways g.direct text{fill:var(--page)}
    .ways g.tcp text,.ways g.relayed text{fill:var(--ink)}
    .ways .heard{fill:var(--page);stroke:var(--ink);stroke-width:1.5}
    .ways .unheard{fill:var(--bad)}
    .ways .span{fill:var(--quiet);opacity:.16}
    .ways .mark path{stroke:var(--ink);stroke-dasharray:3 3;opacity:.55;fill:none}
    .ways .mark circle{fill:var(--ink)}
    .ways .mark text{fill:var(--page);text-anchor:middle;font-size:10px;font-weight:600}
    .ways .pulse{fill:var(--middle);opacity:.55}
    .steps{margin:10px 0 0;padding-left:1.8em;font-size:.88rem;color:var(--soft)}
    .steps.many{columns:2 22em;column-gap:40px}
    .steps b{color:var(--ink);font-weight:600}
    .words{font-size:.86rem;margin-top:10px;color:var(--soft)}
    .words summary{cursor:pointer;color:var(--accent)}
    .words ol{padding-left:2.4em;overflow-wrap:anywhere;font-variant-numeric:tabular-nums}
    .heat table{width:auto;font-size:.84rem}
    .heat caption{text-align:left;font:500 1.05rem var(--serif);padding-bottom:12px}
    .heat td,.heat th{border:2px solid var(--card);padding:7px 10px;white-space:nowrap}
    .heat tbody th{text-align:right;color:var(--soft)}
    .heat td b{display:block;font-weight:600}
    .heat td span{display:block;font-size:.78rem}
    .heat .key{padding:2px 8px;color:var(--ink);border-radius:3px;margin-right:4px}
    .heat figcaption{margin-top:10px;color:var(--soft);font-size:.82rem}
    .heat .none{color:var(--faint);text-align:center}
    .heat0{background:var(--h0)}.heat1{background:var(--h1)}.heat2{background:var(--h2)}.heat3{background:var(--h3)}
    .heat .heat4{background:var(--h4);color:var(--page)}.heat .heat5{background:var(--h5);color:var(--page)}
    footer{margin-top:72px;padding-top:18px;border-top:1px solid var(--line);color:var(--soft);font-size:.84rem}
    @media screen and (max-width:860px){main{padding:36px 18px 64px}.figures{gap:16px 36px}.figures dd{font-size:1.6rem}
    .scenarios,.scenarios tbody,.scenarios tr,.scenarios th,.scenarios td{display:block;width:auto}
    .scenarios thead{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
    .scenarios tr{border-top:1px solid var(--line);padding:14px 0;display:grid;grid-template-columns:1fr 1fr;gap:8px 18px}
    .scenarios tbody[hidden]{display:none}
    .scenarios tr.told{display:block;border:0;padding:0}
    .scenarios th,.scenarios td{border:0;padding:0;text-align:left}
    .scenarios th[scope=row],.scenarios .plot{grid-column:1/-1;width:auto}
    .scenarios td[data-label]::before{content:attr(data-label);display:block;color:var(--faint);font-size:.76rem}
    .plot{min-width:0}.spread{width:100%;max-width:360px;height:auto}
    .rules,.rules tbody,.rules tr,.rules th,.rules td{display:block}
    .rules thead{display:none}.rules tr{display:grid;grid-template-columns:1fr auto;padding:9px 0;border-top:1px solid var(--hair)}
    .rules th,.rules td{border:0;padding:0}.rules td:nth-child(2){grid-column:1;font-size:.86rem}.rules td:nth-child(3){grid-row:1;grid-column:2}.rules td:nth-child(4){display:none}
    .wide{padding:14px 10px}.wide svg{margin:0}}
    @media print{:root{--page:#fff;--card:#fff}body{font-size:9pt}main{max-width:none;padding:0}h2{margin-top:2em}h2,h3,h4,figcaption,.lead{break-after:avoid}figure.sequence{break-inside:auto!important}th,td{padding:6px 8px 6px 0}.plot{min-width:0}.axis{display:none}.spread{width:110px;height:auto}.bar.ways{width:80px}.why{max-width:none}.count,thead th{white-space:normal}th button::after{content:none!important}#tools,.words{display:none}tr,figure,section>details>summary{break-inside:avoid}.wide{border:0;padding:0;overflow:visible}.wide svg{max-width:100%;height:auto}a{color:inherit}section>details:not([open]){display:none}*{-webkit-print-color-adjust:exact;print-color-adjust:exact}}
    @media(prefers-reduced-motion:reduce){html{scroll-behavior:auto}}

    """#
}
