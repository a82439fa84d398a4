#include "convert/header_warnings.hpp"

#include <fmt/format.h>

#include "base/log.hpp"

namespace ctclip {
namespace {

constexpr std::int64_t kNumNamed = 3;  // of each oddity

constexpr std::array<char const*, kNumHeaderOddities> kSums = {
    "{} NIfTI volumes in all have an sform and a qform that contradict each other. The sform counts",
    "{} NIfTI volumes in all have another spacing in their header than in the metadata CSV. The CSV counts"};

}  // namespace

void HeaderWarnings::note(std::vector<HeaderWarning> const& warnings) {
    for (HeaderWarning const& warning : warnings) {
        std::int64_t const count = ++counts_[static_cast<std::size_t>(warning.oddity)];
        if (count <= kNumNamed) {
            log_warning("{}{}", warning.text, count == kNumNamed ? ". Further ones are counted, not named" : "");
        }
    }
}

std::vector<std::string> header_oddity_sums(HeaderOddityCounts const& counts) {
    std::vector<std::string> lines;
    for (std::size_t oddity = 0; oddity < kNumHeaderOddities; ++oddity) {
        if (counts[oddity] > kNumNamed) {
            lines.push_back(fmt::format(fmt::runtime(kSums[oddity]), counts[oddity]));
        }
    }
    return lines;
}

}  // namespace ctclip
