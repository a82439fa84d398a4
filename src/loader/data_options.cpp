#include "loader/data_options.hpp"

#include <algorithm>

namespace ctclip {

namespace {

/// The keys of the Python configuration: `reports_train`, but `train_meta`.
struct FolderKeys {
    std::string volumes, reports, metadata, labels;
};

void bind_folder(Schema& schema, FolderKeys const& keys, VolumeFolder& folder) {
    schema.key(
        keys.volumes, folder.volumes,
        "in place of shards, for small studies: folder of .npz, .nii or .nii.gz, read without conversion");
    schema.key(keys.reports, folder.reports, "CSV of reports of " + keys.volumes + "; shards hold their own");
    schema.key(keys.metadata, folder.metadata, "CSV of spacings, slopes and intercepts of " + keys.volumes);
    schema.key(keys.labels, folder.labels, "CSV of the 18 labels of " + keys.volumes);
}

}  // namespace

void DataOptions::bind(Schema& schema) {
    schema.key(
        "data.webdataset_shards_train", shards_train,
        "training shards: a folder, tars, a glob, or a range such as shard-{000000..000314}.tar; a::b joins");
    schema.key("data.webdataset_shards_val", shards_val, "validation shards, written the same way");
    bind_folder(schema, {"data.volumes_train", "data.reports_train", "data.train_meta", "data.labels_train"},
                volumes_train);
    bind_folder(schema, {"data.volumes_val", "data.reports_valid", "data.valid_meta", "data.labels_valid"},
                volumes_val);
    schema.key("data.npz_key", volume_reading.npz_key,
               "array in each NPZ of volumes_*; auto: the first of data, volume, arr_0, arr");
    schema.choice(
        "data.rescale", volume_reading.rescale, rescale_names(),
        "volumes_*: use the CSV's slope and intercept; or the voxels are HU already; or check each");
    schema.choice("data.nifti_orientation", volume_reading.nifti_orientation, orientation_names(),
                  "volumes_*: where a NIfTI's sform and qform contradict each other: stop; or go on by the sform");
    schema.rule("data.volumes_train", [this] { return training_set().find_problem(); });
    schema.rule("data.volumes_val", [this] { return validation_set().find_problem(); });
    schema.key("data.batch_size", batch_size, "samples per rank and micro-batch").positive();
    schema.key("data.num_workers", num_workers, "loading threads per rank; 0: load when a batch is asked for")
        .min(0)
        .max(1024);
    schema.key("data.prefetch_factor", prefetch_factor, "batches per rank made ready ahead of the one in use")
        .min(1)
        .max(1024);
    schema.key("data.shuffle", shuffle, "a new order of all samples each epoch; false: dataset order");
    schema
        .key(
            "data.shuffle_window_mb", shuffle_window_mb,
            "for slow disks: shards come in shuffled order, and samples are shuffled among as many shards at "
            "a time as have so many MB (2^20 bytes); 0: among all samples of the dataset")
        .min(0)
        .max(std::int64_t{1} << 40);
    schema.choice(
        "data.report_text", report_text,
        {{"findings_impressions", ReportText::kFindingsImpressions}, {"findings", ReportText::kFindings}},
        "what of a report the text encoder reads");
    schema.choice("data.clip_order", clip_order,
                  {{"clip_resize", ClipOrder::kClipThenResize}, {"resize_clip", ClipOrder::kResizeThenClip}},
                  "clip to [-1000, 1000] HU before or after resampling");
    schema.choice(
        "data.preprocess_on", preprocess_on,
        {{"auto", PreprocessPlace::kAuto},
         {"cpu", PreprocessPlace::kCpu},
         {"device", PreprocessPlace::kDevice}},
        "who makes the model's input of stored volumes: the GPU where there is one (auto), loading threads "
        "(cpu), or where the model computes (device); the bits are the same");
    schema.choice(
        "data.bad_samples", bad_samples, {{"fail", BadSamplePolicy::kFail}, {"replace", BadSamplePolicy::kReplace}},
        "a sample that cannot be used: stop, or let another one take its place; headers of volumes_* are read at "
        "the start and must be right all the same");
    schema
        .key("data.max_bad_samples", max_bad_samples,
             "different samples that may be replaced, over all ranks and starts of a training run")
        .min(0);
    schema.key("data.read_retries", read_retries, "further attempts after a failed read").min(0).max(20);
    schema.key("data.target_spacing_mm", target_spacing_mm, "voxel size of the model's input: z, x, y")
        .positive()
        .length(3);
    schema.key("data.target_shape", target_shape, "voxels of the model's input: z, x, y")
        .min(1)
        .max(65536)
        .length(3);
    schema.accepted_but_unused("data.shuffle_buffer_size",
                               "the whole dataset is shuffled by index; no samples are held back");
    schema.accepted_but_unused("data.persistent_workers", "loading threads always live as long as the run");
    for (char const* const key : {"data.use_embedding", "data.embedding_dir"}) {
        schema.accepted_but_unused(key, "reports are encoded while training");
    }
}

TargetGrid DataOptions::target_grid() const {
    TargetGrid grid;
    std::ranges::transform(target_shape, grid.shape_zxy.begin(),
                           [](std::int64_t size) { return static_cast<std::int32_t>(size); });
    std::ranges::copy(target_spacing_mm, grid.spacing_zxy_mm.begin());
    return grid;
}

OrderOptions DataOptions::order_options(SampleSource const& source) const {
    OrderOptions order;
    order.num_samples = source.size();
    order.shuffle = SampleShuffle::kNone;
    if (shuffle && shuffle_window_mb == 0) {
        order.shuffle = SampleShuffle::kGlobal;
    } else if (shuffle) {
        order.shuffle = SampleShuffle::kWindow;
        order.window_bytes = static_cast<std::uint64_t>(shuffle_window_mb) << 20;
        order.groups = source.groups();
    }
    return order;
}

}  // namespace ctclip
