/// Writes a set of phantoms in CT-RATE's layout.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>

#include "phantom/phantom_options.hpp"

namespace ctclip {

/// Where everything went.
struct StudySet {
    std::filesystem::path
        volumes;  ///< OUTPUT/valid: valid_1/valid_1_a/valid_1_a_1.npz, key "data", (x, y, z)
    std::filesystem::path reports;   ///< OUTPUT/radiology_text_reports/validation_reports.csv
    std::filesystem::path metadata;  ///< OUTPUT/metadata/validation_metadata.csv
    std::filesystem::path labels;    ///< OUTPUT/multi_abnormality_labels/valid_predicted_labels.csv
    std::int64_t num_studies = 0;
    std::uint64_t num_voxels = 0;
};

/// The CSVs come last: a set without them is not finished. Equal bytes for any number of threads.
/// @param on_study_done  called from any thread, once for every study.
/// @throws Error kUsage for options out of range, kCannotCreate if the output folder has something in it
/// already,
///               kIoError, kNoPermission.
StudySet write_study_set(PhantomOptions const& options, std::function<void()> const& on_study_done);

}  // namespace ctclip
