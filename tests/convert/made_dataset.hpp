/// NPZ volumes and the three CSVs of a few made-up studies, and the options that convert them.
#pragma once

#include <fstream>
#include <functional>
#include <string>
#include <vector>

#include "base/file_descriptor.hpp"
#include "convert/convert_job.hpp"
#include "dist/self_communicator.hpp"
#include "npz/npz_writer.hpp"
#include "study/study_table.hpp"
#include "support/temp_dir.hpp"

namespace ctclip {

class MadeDataset {
  public:
    static constexpr VolumeShape kShape{6, 5, 4};

    explicit MadeDataset(int num_studies) : num_studies_(num_studies) {
        for (int i = 0; i < num_studies; ++i) {
            std::vector<float> voxels(120);
            for (std::size_t k = 0; k < voxels.size(); ++k) {
                voxels[k] = static_cast<float>(i * 100) + static_cast<float>(k);
            }
            write_volume(i, voxels);
        }
        write_csvs(0.0);
        options.volumes = dir_ / "npz";
        options.reports = dir_ / "reports.csv";
        options.metadata = dir_ / "metadata.csv";
        options.labels = dir_ / "labels.csv";
        options.output = dir_ / "shards";
        options.samples_per_shard = 2;
    }

    static std::string study_id(int index) { return "train_" + std::to_string(index) + "_a_1"; }

    std::filesystem::path volume_path(int index) const {
        return dir_.path() / "npz" / (study_id(index) + ".npz");
    }

    /// @param voxels  as many as `shape` has.
    void write_volume(int index, std::vector<float> const& voxels, VolumeShape const& shape = kShape) const {
        std::filesystem::create_directories(dir_.path() / "npz");
        std::filesystem::remove(volume_path(index));
        write_npz(volume_path(index), "data", DType::kF32, {shape[0], shape[1], shape[2]}, {},
                  std::as_bytes(std::span(voxels)));
    }

    void write_csvs(double intercept) const {
        std::ofstream reports(dir_ / "reports.csv");
        std::ofstream metadata(dir_ / "metadata.csv");
        std::ofstream labels(dir_ / "labels.csv");
        reports << "VolumeName,Findings_EN,Impressions_EN\n";
        metadata << "VolumeName,RescaleSlope,RescaleIntercept,XYSpacing,ZSpacing\n";
        labels << "VolumeName";
        for (std::string_view const name : kAbnormalityNames) {
            labels << ',' << name;
        }
        labels << '\n';
        for (int i = 0; i < num_studies_; ++i) {
            std::string const name = study_id(i) + ".nii.gz";
            reports << name << ",Finding " << i << ".,Impression.\n";
            metadata << name << ",1," << intercept << ",\"[0.75, 0.75]\",1.5\n";
            labels << name << ",1,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0\n";
        }
    }

    void run() { convert(options, environment()); }

    ConvertEnvironment environment() {
        return {communicator_,
                [this] { return stop_requested(); },
                [](std::string what, std::string unit, std::int64_t total) {
                    return Progress(std::move(what), std::move(unit), total, ProgressStyle::kSilent);
                },
                [this](std::string_view text) { written += text; },
                {}};
    }

    ConvertOptions options;
    std::function<bool()> stop_requested = [] { return false; };
    std::string written;

  private:
    int num_studies_;
    TempDir dir_;
    SelfCommunicator communicator_;
};

/// Names and contents of all files below `folder`.
inline std::vector<std::pair<std::string, std::string>> content_of(std::filesystem::path const& folder) {
    std::vector<std::pair<std::string, std::string>> files;
    if (std::filesystem::exists(folder)) {
        for (auto const& entry : std::filesystem::recursive_directory_iterator(folder)) {
            if (entry.is_regular_file()) {
                files.emplace_back(entry.path().lexically_relative(folder), read_text_file(entry.path()));
            }
        }
    }
    std::sort(files.begin(), files.end());
    return files;
}

}  // namespace ctclip
