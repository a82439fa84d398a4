// The three CSVs of CT-RATE joined. The input holds them one after the other, each but the last ended by a
// byte 0x1E.
#include <algorithm>
#include <array>
#include <cmath>

#include "fuzz/fuzz_target.hpp"
#include "study/study_table.hpp"

namespace ctclip {
namespace {

constexpr std::uint8_t kSeparator = 0x1E;

void load_studies(std::span<std::uint8_t const> bytes) {
    static std::array<MemoryFile, 3> files;
    std::array<std::filesystem::path, 3> paths;
    for (std::size_t i = 0; i < files.size(); ++i) {
        auto const end = i + 1 == files.size() ? bytes.end() : std::ranges::find(bytes, kSeparator);
        auto const length = static_cast<std::size_t>(end - bytes.begin());
        paths[i] = files[i].hold(bytes.first(length));
        bytes = bytes.subspan(std::min(length + 1, bytes.size()));
    }
    StudyTable const table = StudyTable::load(paths[0], paths[1], paths[2]);
    for (Study const& study : table.studies()) {
        promise(table.find(study.study_id) == &study, "a study is found by its name");
        promise(study.labels.size() == kAbnormalityNames.size(), "a study has 18 labels");
        promise(std::isfinite(study.rescale_slope) && study.rescale_slope != 0.0, "slopes are finite, not 0");
        promise(std::isfinite(study.z_spacing) && study.z_spacing > 0.0, "spacings are positive");
    }
}

}  // namespace
}  // namespace ctclip

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
    return ctclip::read_or_refuse([&] { ctclip::load_studies({data, size}); });
}
