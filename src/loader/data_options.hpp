/// The `data:` section of the configuration.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "config/schema.hpp"
#include "kernels/preprocess.hpp"
#include "loader/bad_samples.hpp"
#include "loader/dataset.hpp"
#include "loader/sample_order.hpp"
#include "text/report_text.hpp"

namespace ctclip {

/// Who makes the model's input of a stored volume; the bits are the same.
enum class PreprocessPlace {
    kAuto,    ///< the GPU where the model is on one
    kCpu,     ///< loading threads
    kDevice,  ///< where the model computes; without a GPU the GPU's code runs on the CPU, slowly
};

struct DataOptions {
    std::string shards_train;  ///< data.webdataset_shards_train, for resolve_shards
    std::string shards_val;
    VolumeFolder volumes_train;  ///< data.volumes_train and its CSVs: in place of shards
    VolumeFolder volumes_val;
    VolumeReading volume_reading;
    std::int64_t batch_size = 32;        ///< samples per rank and micro-batch
    std::int64_t num_workers = 32;       ///< threads per rank; 0: the caller's
    std::int64_t prefetch_factor = 2;    ///< batches per rank that are made ready ahead of the one in use
    bool shuffle = true;                 ///< false: dataset order, for tests and comparisons
    std::int64_t shuffle_window_mb = 0;  ///< 2^20 bytes; 0: the whole dataset is shuffled at once
    ReportText report_text = ReportText::kFindingsImpressions;
    ClipOrder clip_order = ClipOrder::kClipThenResize;
    PreprocessPlace preprocess_on = PreprocessPlace::kAuto;
    BadSamplePolicy bad_samples = BadSamplePolicy::kFail;
    std::int64_t max_bad_samples =
        10;  ///< different ones that may be replaced: by all ranks and starts of a training run
    std::int64_t read_retries = 0;      ///< further attempts after a failed read, with growing pauses
    std::vector<double> target_spacing_mm = {1.5, 0.75, 0.75};  ///< z, x, y
    std::vector<std::int64_t> target_shape = {240, 480, 480};   ///< z, x, y

    void bind(Schema& schema);
    DatasetOptions training_set() const { return {shards_train, volumes_train, volume_reading}; }
    DatasetOptions validation_set() const { return {shards_val, volumes_val, volume_reading}; }
    TargetGrid target_grid() const;
    OrderOptions order_options(SampleSource const& source) const;
};

}  // namespace ctclip
