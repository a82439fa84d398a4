#include "text/report_text.hpp"

#include <algorithm>

namespace ctclip {

std::string model_text(std::string_view report, ReportText part) {
    std::string text(part == ReportText::kFindings ? report.substr(0, report.find('\n')) : report);
    std::erase_if(text, [](char c) { return c == '"' || c == '\'' || c == '(' || c == ')'; });
    if (text == "Not given.") {
        text.clear();
    }
    return text;
}

}  // namespace ctclip
