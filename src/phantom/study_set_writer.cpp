#include "phantom/study_set_writer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/durable_file.hpp"
#include "base/error.hpp"
#include "base/output_folder.hpp"
#include "npz/npz_writer.hpp"
#include "phantom/contact_sheet.hpp"
#include "phantom/random_stream.hpp"
#include "phantom/stored_volume.hpp"
#include "phantom/study_plan.hpp"

namespace ctclip {
namespace {

/// Up to this size one thread makes a study and studies are made side by side; larger ones share their
/// slices.
constexpr std::uint64_t kSideBySideBytes = std::uint64_t{64} << 20;

std::string csv_cell(std::string_view text) {
    std::string cell = "\"";
    for (char const c : text) {
        cell += c;
        if (c == '"') {
            cell += c;
        }
    }
    return cell + '"';
}

std::string volume_name(PhantomStudy const& study) {
    return study.study_id + ".nii.gz";
}

std::string report_row(PhantomStudy const& study) {
    return fmt::format("{},{},{}\n", volume_name(study), csv_cell(study.report.findings),
                       csv_cell(study.report.impressions));
}

std::string metadata_row(PhantomStudy const& study) {
    RandomStream random(study.seed, "patient");
    bool const is_female = Thorax(study.seed, 1.0F).has_breasts();
    ScanGrid const& grid = study.grid;
    return fmt::format("{},{},{},{:03}Y,{},{},\"[{}, {}]\",{},{},HU,{},{}\n", volume_name(study),
                       study.manufacturer, is_female ? 'F' : 'M', random.between(25, 88), grid.num_y,
                       grid.num_x, grid.spacing_xy_mm, grid.spacing_xy_mm, study.rescale_intercept,
                       study.rescale_slope, grid.num_z, grid.spacing_z_mm);
}

std::string labels_header() {
    std::string header = "VolumeName";
    for (std::string_view const name : kAbnormalityNames) {
        header += fmt::format(",{}", name);
    }
    return header + '\n';
}

std::string labels_row(PhantomStudy const& study) {
    std::string row = volume_name(study);
    for (std::size_t sign = 0; sign < kNumSigns; ++sign) {
        row += study.signs[sign] ? ",1" : ",0";
    }
    return row + '\n';
}

void require_nothing_there(std::filesystem::path const& output) {
    std::error_code error;
    bool const is_unused =
        !std::filesystem::exists(output, error) || std::filesystem::is_empty(output, error);
    require(is_unused && !error, ExitCode::kCannotCreate,
            "{} is not an empty folder (phantoms are never mixed with what is there). Name a new folder, or "
            "remove "
            "this one",
            output.string());
}

StudySet lay_out(PhantomOptions const& options) {
    // CT-RATE spells its validation split two ways.
    std::string const long_split = options.split == "valid" ? "validation" : options.split;
    StudySet set;
    set.volumes = options.output / options.split;
    set.reports = options.output / "radiology_text_reports" / (long_split + "_reports.csv");
    set.metadata = options.output / "metadata" / (long_split + "_metadata.csv");
    set.labels = options.output / "multi_abnormality_labels" / (options.split + "_predicted_labels.csv");
    for (auto const& folder :
         {set.volumes, set.reports.parent_path(), set.metadata.parent_path(), set.labels.parent_path()}) {
        create_folder(folder);
    }
    return set;
}

std::size_t thread_count(PhantomOptions const& options) {
    return options.num_threads > 0 ? static_cast<std::size_t>(options.num_threads)
                                   : std::max(1U, std::thread::hardware_concurrency());
}

/// Calls `work(index)` for every index below `count`. The first exception ends the loop and is thrown on.
void for_each_index(std::int64_t count, std::size_t num_threads,
                    std::function<void(std::int64_t)> const& work) {
    std::atomic<std::int64_t> next = 0;
    std::mutex mutex;
    std::exception_ptr first_error;
    auto const loop = [&] {
        for (std::int64_t index = next++; index < count; index = next++) {
            try {
                work(index);
            } catch (...) {
                std::scoped_lock const lock(mutex);
                first_error = first_error ? first_error : std::current_exception();
                next = count;
            }
        }
    };
    {
        std::vector<std::jthread> helpers;
        for (std::size_t i = 1; i < num_threads; ++i) {
            helpers.emplace_back(loop);
        }
        loop();
    }
    if (first_error) {
        std::rethrow_exception(first_error);
    }
}

void write_volume(StoredVolume const& volume, PhantomOptions const& options,
                  std::filesystem::path const& path) {
    create_folder(path.parent_path());
    NpzLayout layout;
    layout.order = volume.order;
    layout.compression = options.compression;
    layout.compression_level = 3;  // noise hardly compresses further
    write_npz(path, "data", volume.dtype, volume.shape(), layout, volume.bytes);
}

void write_tables(StudySet const& set, std::vector<PhantomStudy> const& studies) {
    std::string reports = "VolumeName,Findings_EN,Impressions_EN\n";
    std::string metadata =
        "VolumeName,Manufacturer,PatientSex,PatientAge,Rows,Columns,XYSpacing,RescaleIntercept,RescaleSlope,"
        "RescaleType,NumberofSlices,ZSpacing\n";
    std::string labels = labels_header();
    for (PhantomStudy const& study : studies) {
        reports += report_row(study);
        metadata += metadata_row(study);
        labels += labels_row(study);
    }
    write_durably(set.metadata, metadata, IfExists::kRefuse);
    write_durably(set.labels, labels, IfExists::kRefuse);
    write_durably(set.reports, reports, IfExists::kRefuse);
}

}  // namespace

StudySet write_study_set(PhantomOptions const& options, std::function<void()> const& on_study_done) {
    check_options(options);
    require_nothing_there(options.output);
    StudySet set = lay_out(options);

    std::vector<PhantomStudy> studies;
    for (std::int64_t index = 0; index < options.count; ++index) {
        studies.push_back(plan_study(options, index));
    }
    std::optional<ContactSheet> sheet;
    if (options.contact_sheet) {
        sheet.emplace(std::min(studies.size(), kMaxContactSheetRows));
    }

    std::uint64_t const volume_bytes =
        static_cast<std::uint64_t>(options.size[0] * options.size[1] * options.size[2]) *
        item_size_bytes(options.dtype);
    bool const is_side_by_side = volume_bytes <= kSideBySideBytes && options.count > 1;
    std::size_t const num_threads = thread_count(options);
    std::atomic<std::uint64_t> num_voxels = 0;
    for_each_index(options.count, is_side_by_side ? num_threads : 1, [&](std::int64_t index) {
        PhantomStudy const& study = studies[static_cast<std::size_t>(index)];
        StoredVolume const volume = make_volume(study, options, is_side_by_side ? 1 : num_threads);
        write_volume(volume, options, set.volumes / study.relative_path());
        if (sheet && static_cast<std::size_t>(index) < kMaxContactSheetRows) {
            sheet->draw_row(static_cast<std::size_t>(index), volume);
        }
        num_voxels += static_cast<std::uint64_t>(element_count(volume.shape()));
        on_study_done();
    });

    if (sheet) {
        write_png(*options.contact_sheet, sheet->image());
    }
    write_tables(set, studies);
    set.num_studies = options.count;
    set.num_voxels = num_voxels;
    return set;
}

}  // namespace ctclip
