/// Radiology reports of phantoms: what is there, and now and then what is not.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "phantom/sign.hpp"

namespace ctclip {

enum class ReportStyle {
    kShort,  ///< a few plain sentences: what a small model can learn to read from a few thousand reports
    kLong,   ///< a paragraph in the manner of CT-RATE, with normal organs and several absences
};

/// The two report columns of CT-RATE.
struct Report {
    std::string findings;
    std::string impressions;
};

/// A pure function of its arguments. Every sign that is present is named in the findings; only absent ones
/// are denied.
Report write_report(std::uint64_t study_seed, SignSet const& signs, ReportStyle style);

/// Every sentence that write_report can use, once: for vocabularies and their tests.
std::vector<std::string> all_report_sentences(ReportStyle style);

}  // namespace ctclip
