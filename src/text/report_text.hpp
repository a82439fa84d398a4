/// Which part of a report the text encoder reads, and its cleaning.
#pragma once

#include <string>
#include <string_view>

namespace ctclip {

/// `data.report_text`
enum class ReportText {
    kFindingsImpressions,  ///< both, joined by a newline (CTCLIP_MODERN)
    kFindings,             ///< findings only (the published training code)
};

/// @param report  a shard's .txt: findings, newline, impressions. Findings end at the first newline.
/// @return  without the four characters " ' ( ); empty if that leaves exactly "Not given."
std::string model_text(std::string_view report, ReportText part);

}  // namespace ctclip
