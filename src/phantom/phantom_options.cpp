#include "phantom/phantom_options.hpp"

#include <algorithm>
#include <cctype>
#include <limits>

#include "base/error.hpp"

namespace ctclip {
namespace {

void require_between(std::string_view option, double value, double low, double high) {
    require(value >= low && value <= high, ExitCode::kUsage, "{} is {}, it must lie between {} and {}",
            option, value, low, high);
}

bool is_plain_word(std::string const& text) {
    return !text.empty() &&
           std::all_of(text.begin(), text.end(), [](unsigned char c) { return std::isalnum(c) != 0; });
}

}  // namespace

void check_options(PhantomOptions const& options) {
    require(!options.output.empty(), ExitCode::kUsage, "--output is missing: name the folder to write to");
    require_between("--count", static_cast<double>(options.count), 1, 1'000'000);
    require_between("--first_patient", static_cast<double>(options.first_patient), 0, 1'000'000'000);
    require(is_plain_word(options.split), ExitCode::kUsage,
            "--split is '{}', it must be letters and digits only (it becomes a part of file names)",
            options.split);
    for (std::size_t axis = 0; axis < 3; ++axis) {
        require(options.size[axis] >= kMinPhantomSize && options.size[axis] <= kMaxPhantomSize[axis],
                ExitCode::kUsage, "--size has {} voxels along {}, it must be {} to {}", options.size[axis],
                "xyz"[axis], kMinPhantomSize, kMaxPhantomSize[axis]);
    }
    require_between("--size_jitter", options.size_jitter, 0.0, 0.5);
    require_between("--severity", options.severity, 0.25, 4.0);
    require_between("--findings", static_cast<double>(options.max_findings), 0, kNumSigns);
    require_between("--findings", static_cast<double>(options.min_findings), 0,
                    static_cast<double>(options.max_findings));
    if (options.prevalence) {
        require_between("--prevalence", *options.prevalence, 0.0, 1.0);
    }
    require_between("--threads", static_cast<double>(options.num_threads), 0, 1024);
}

}  // namespace ctclip
