#include "report/html_page.hpp"

#include <fmt/format.h>

#include "report/svg_plot.hpp"

namespace ctclip {
namespace {

// The first six series have colours of Okabe and Ito, told apart with any colour vision, then come grey and brown; all
// are lighter on a dark page.
constexpr char const* kStyle = R"(
:root { color-scheme: light dark; --text: #1a1a1a; --muted: #5a5a5a; --page: #fff; --rule: #ddd; --grid: #e4e4e4;
  --series-0: #0072b2; --series-1: #d55e00; --series-2: #009e73; --series-3: #cc79a7;
  --series-4: #e69f00; --series-5: #56b4e9; --series-6: #7f7f7f; --series-7: #8c564b; }
@media (prefers-color-scheme: dark) {
  :root { --text: #e6e6e6; --muted: #a8a8a8; --page: #16181c; --rule: #3a3d42; --grid: #2c2f34;
    --series-0: #4fa8e0; --series-1: #f0803c; --series-2: #2cc79a; --series-3: #e09cc4;
    --series-4: #f2b632; --series-5: #9bd3f5; --series-6: #a8a8a8; --series-7: #c08a7a; }
}
body { font: 15px/1.5 system-ui, sans-serif; color: var(--text); background: var(--page); max-width: 1180px; margin: 2em auto; padding: 0 1em; }
h1 { font-size: 1.5em; margin-bottom: 0.2em; } h2 { font-size: 1.15em; margin-top: 2em; }
.result { font-size: 1.2em; } .muted { color: var(--muted); }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: 0.25em 0.8em; border-bottom: 1px solid var(--rule); text-align: right; } th:first-child, td:first-child { text-align: left; }
td { white-space: nowrap; } td code { white-space: normal; overflow-wrap: anywhere; } td .muted { display: block; font-size: 0.8em; line-height: 1.2; font-weight: 400; }
tr.total { font-weight: 600; border-top: 2px solid var(--muted); }
.plots { display: flex; flex-wrap: wrap; align-items: flex-start; gap: 1.2em; } .plots svg { width: 560px; max-width: 100%; }
svg text { font-size: 12px; fill: var(--text); } svg text.title { font-size: 14px; font-weight: 600; }
.axis { stroke: var(--text); } .grid { stroke: var(--grid); } .reference { stroke: var(--muted); stroke-dasharray: 5 4; }
.series { fill: none; stroke-width: 1.8; } .many { opacity: 0.4; } .many:hover { opacity: 1; stroke-width: 4; }
.band { opacity: 0.16; } .interval { stroke-width: 3; opacity: 0.6; }
)";

}  // namespace

std::string html_page(std::string const& title, std::string const& body) {
    return fmt::format(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{}</title>"
        "<meta name=\"viewport\" content=\"width=device-width\"><style>{}</style></head><body>\n{}</body></html>\n",
        escape_html(title), kStyle, body);
}

}  // namespace ctclip
