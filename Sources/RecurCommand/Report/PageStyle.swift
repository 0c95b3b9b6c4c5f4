extension Markup {
  /// How a page looks: light or dark as the reader's system is, on a phone as on a desk, and on paper.
  static let style = Markup(
    own: """
      <style>
      :root{color-scheme:light dark;--page:#fff;--ink:#1c1e21;--faint:#5c6166;--rule:#d9dcdf;--card:#f6f7f8;--link:#0058a3;
      --blue:#0072b2;--orange:#d55e00;--green:#008a63;--grey:#707070;--purple:#a8508a;--amber:#9a6b00}
      @media (prefers-color-scheme:dark){:root{--page:#15171a;--ink:#e6e8ea;--faint:#a4aab0;--rule:#3a3f45;--card:#1e2125;
      --link:#7cc0ff;--blue:#58b4ec;--orange:#ff9c4d;--green:#35cfa2;--grey:#a8a8a8;--purple:#e59acb;--amber:#e9bf45}}
      *{box-sizing:border-box}
      html{-webkit-text-size-adjust:100%}
      body{margin:0 auto;max-width:74rem;padding:1rem;background:var(--page);color:var(--ink);
      font:1rem/1.5 system-ui,-apple-system,"Segoe UI","DejaVu Sans",sans-serif}
      h1{font-size:1.6rem;line-height:1.25;margin:.5rem 0}
      h2{font-size:1.3rem;margin:2.2rem 0 .6rem;padding-top:.6rem;border-top:1px solid var(--rule)}
      h3{font-size:1.08rem;margin:1.6rem 0 .5rem}
      h1,h2,h3,p,li,summary,figcaption{overflow-wrap:anywhere}
      td,th{overflow-wrap:break-word;max-width:24rem}
      a{color:var(--link)}
      :focus-visible{outline:3px solid var(--link);outline-offset:2px;border-radius:3px}
      .skip{position:absolute;left:-99rem}
      .skip:focus{position:static}
      nav ul,.key{list-style:none;margin:0;padding:0;display:flex;flex-wrap:wrap;gap:.3rem 1.1rem}
      nav ul ul{padding-left:.8rem;font-size:.9rem}
      .faint,.remark{color:var(--faint)}
      .remark{border-left:3px solid var(--rule);padding-left:.7rem}
      .wide{overflow-x:auto;margin:.8rem 0;max-width:100%}
      table{border-collapse:collapse;font-size:.9rem}
      caption{text-align:left;font-weight:600;padding:.2rem 0}
      caption span{display:inline-block;max-width:calc(100vw - 2.5rem)}
      th,td{text-align:left;vertical-align:top;padding:.25rem .8rem .25rem 0;border-bottom:1px solid var(--rule)}
      th[scope=row]{font-weight:400;min-width:5.5rem}
      .number{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
      .figures{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,25rem),1fr));gap:1rem}
      figure{margin:0;padding:.6rem;background:var(--card);border-radius:6px;min-width:0}
      figcaption{font-size:.92rem;font-weight:600;margin-bottom:.3rem}
      .key{font-size:.85rem;margin-top:.2rem}
      .key svg{width:1.6rem;height:.8rem;vertical-align:middle;margin-right:.35rem}
      figure>svg{display:block;width:100%;height:auto;max-width:44rem}
      svg text{fill:var(--ink);font:13px system-ui,-apple-system,"Segoe UI","DejaVu Sans",sans-serif}
      svg .label{fill:var(--faint)}
      .axis{stroke:var(--faint);fill:none}
      .grid{stroke:var(--rule);fill:none}
      .mark{stroke:var(--faint);stroke-dasharray:5 4;fill:none}
      .blue{--c:var(--blue)}.orange{--c:var(--orange)}.green{--c:var(--green)}
      .grey{--c:var(--grey)}.purple{--c:var(--purple)}.amber{--c:var(--amber)}
      .line,.thinLine{fill:none;stroke:var(--c);stroke-width:2.2;stroke-linejoin:round}
      .thinLine{stroke-width:1.3}
      .band{fill:var(--c);fill-opacity:.26;stroke:none}
      .points,.lone{fill:none;stroke:var(--c);stroke-width:4;stroke-linecap:round}
      .points{stroke-opacity:.65}
      .lone{stroke-width:6}
      .dash1{stroke-dasharray:7 4}.dash2{stroke-dasharray:2 4}.dash3{stroke-dasharray:9 3 2 3}
      .shade{fill:var(--blue)}
      svg .count{text-anchor:middle}
      svg .strong{fill:var(--page)}
      pre{overflow-x:auto;background:var(--card);padding:.7rem;border-radius:6px;font-size:.85rem;margin:.6rem 0}
      details{margin:.6rem 0}
      summary{cursor:pointer}
      @media print{body{max-width:none}figure{break-inside:avoid}.skip,nav{display:none}}
      </style>
      """)
}
