// convert.memory_limit_mb, held against what the program had resident. A program of its own: the largest resident size
// that the system tells of a child counts the copy of the parent that it was before exec, and tests before these would
// make that large.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <fstream>
#include <string>
#include <vector>

#include "convert/made_dataset.hpp"
#include "convert/ranks_of_program.hpp"

namespace ctclip {
namespace {

/// The most that the program ever had resident.
std::int64_t peak_memory_mb(ConvertOptions const& options, std::int64_t limit_mb) {
    fs::remove_all(options.output);
    ProcessResult const result = run_process(convert_words(options, {"--memory_limit_mb", std::to_string(limit_mb)}));
    EXPECT_EQ(result.exit_code, 0) << result.err;
    return result.peak_memory_bytes >> 20;
}

TEST(PeakMemory, StaysBelowTheLimitWithAVolumeSeveralTimesAsLarge) {
    constexpr std::int64_t kLimitMb = 128;
    constexpr VolumeShape kLarge{512, 512, 256};  // 256 MiB of float32
    MadeDataset dataset(1);
    {
        std::vector<float> voxels(static_cast<std::size_t>(num_voxels(kLarge)));
        for (std::size_t i = 0; i < voxels.size(); ++i) {
            voxels[i] = static_cast<float>(i % 1000);
        }
        dataset.write_volume(0, voxels, kLarge);
    }
    std::int64_t const peak_mb = peak_memory_mb(dataset.options, kLimitMb);
    EXPECT_LT(peak_mb, kLimitMb);
    RecordProperty("peak_mb", static_cast<int>(peak_mb));
    EXPECT_GT(peak_memory_mb(dataset.options, 0), 2 * kLimitMb) << "this test proves nothing";
}

/// As for a rank of many: the CSVs, 100 MB of reports among them, are those of all studies, the volumes a few of them.
TEST(PeakMemory, StaysBelowTheLimitWithTheReportsOfAWholeArchive) {
    constexpr std::int64_t kLimitMb = 192;
    constexpr int kNumOtherStudies = 40'000;
    MadeDataset dataset(2);
    std::ofstream reports(dataset.options.reports, std::ios::app);
    std::ofstream metadata(dataset.options.metadata, std::ios::app);
    std::ofstream labels(dataset.options.labels, std::ios::app);
    for (int i = 0; i < kNumOtherStudies; ++i) {
        std::string const name = fmt::format("valid_{}_a_1.nii.gz", i);
        reports << name << ',' << std::string(2500, 'x') << ",normal\n";
        metadata << name << ",1,0,\"[0.75, 0.75]\",1.5\n";
        labels << name << ",0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0\n";
    }
    reports.close();
    metadata.close();
    labels.close();
    std::int64_t const peak_mb = peak_memory_mb(dataset.options, kLimitMb);
    EXPECT_LT(peak_mb, kLimitMb);
    RecordProperty("peak_mb", static_cast<int>(peak_mb));
}

}  // namespace
}  // namespace ctclip
