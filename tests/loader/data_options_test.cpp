#include "loader/data_options.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.hpp"
#include "loader/memory_source.hpp"

namespace ctclip {
namespace {

TEST(DataOptions, ReadsTheKeysOfThePythonConfiguration) {
    DataOptions options;
    Schema schema;
    options.bind(schema);
    schema.load_text(
        "data:\n"
        "  webdataset_shards_train: /data/shard-{000000..000314}.tar\n"
        "  shuffle_buffer_size: 1000\n"
        "  reports_train: /data/reports.csv\n"
        "  batch_size: 8\n"
        "  num_workers: 4\n"
        "  prefetch_factor: 2\n"
        "  persistent_workers: true\n"
        "  use_embedding: false\n"
        "  report_text: findings\n"
        "  clip_order: resize_clip\n"
        "  target_spacing_mm: [3.0, 1.5, 1.0]\n"
        "  target_shape: [120, 240, 200]\n",
        "test.yaml");
    schema.check();
    EXPECT_EQ(options.shards_train, "/data/shard-{000000..000314}.tar");
    EXPECT_EQ(options.batch_size, 8);
    EXPECT_EQ(options.report_text, ReportText::kFindings);
    EXPECT_EQ(options.clip_order, ClipOrder::kResizeThenClip);
    TargetGrid const grid = options.target_grid();
    EXPECT_THAT(grid.shape_zxy, testing::ElementsAre(120, 240, 200));
    EXPECT_THAT(grid.spacing_zxy_mm, testing::ElementsAre(3.0, 1.5, 1.0));
}

/// Everything wrong with `yaml`, or nothing.
std::string problems_of(std::string const& yaml, DataOptions& options) {
    Schema schema;
    options.bind(schema);
    schema.load_text(yaml, "t.yaml");
    try {
        schema.check();
        return "";
    } catch (Error const& error) {
        return error.what();
    }
}

TEST(DataOptions, VolumesTakeThePlaceOfShards) {
    DataOptions options;
    EXPECT_EQ(problems_of("data:\n"
                          "  volumes_train: npz\n"
                          "  reports_train: r.csv\n"
                          "  train_meta: m.csv\n"
                          "  labels_train: l.csv\n"
                          "  webdataset_shards_val: valid\n"
                          "  npz_key: volume\n"
                          "  rescale: already_hu\n",
                          options),
              "");
    DatasetOptions const training_set = options.training_set();
    EXPECT_EQ(training_set.place(), "npz");
    EXPECT_EQ(training_set.folder.metadata, "m.csv");
    EXPECT_EQ(training_set.reading.npz_key, "volume");
    EXPECT_EQ(training_set.reading.rescale, RescalePolicy::kAlreadyHu);
    EXPECT_EQ(options.validation_set().place(), "valid");
}

TEST(DataOptions, AsksWhichOfTwoDatasetsIsMeantAndForTheCsvs) {
    DataOptions options;
    EXPECT_THAT(
        problems_of("data: {volumes_train: npz, webdataset_shards_train: shards, volumes_val: npz,\n"
                    "       labels_valid: l.csv}\n",
                    options),
        testing::AllOf(testing::HasSubstr("data.volumes_train is given, and shards are given as well"),
                       testing::HasSubstr("data.volumes_val needs the three CSVs")));
}

TEST(DataOptions, AWindowOfShardsIsGivenInMegabytes) {
    std::vector<SampleGroup> const groups{{3, 100}, {4, 200}};
    MemorySource const source(groups, "digest");
    DataOptions options;
    EXPECT_EQ(options.order_options(source).rule_name(), "global, swap-or-not");
    EXPECT_EQ(problems_of("data: {shuffle_window_mb: 3}", options), "");
    OrderOptions const order = options.order_options(source);
    EXPECT_EQ(order.rule_name(), "windows of 3145728 bytes, swap-or-not");
    EXPECT_EQ(order.num_samples, 7);
    EXPECT_EQ(order.groups.size(), 2U);
    options.shuffle = false;
    EXPECT_EQ(options.order_options(source).rule_name(), "dataset order");
}

TEST(DataOptions, RefusesValuesThatCannotWork) {
    DataOptions options;
    Schema schema;
    options.bind(schema);
    schema.load_text("data:\n  batch_size: 0\n  target_shape: [1, 2]\n  target_spacing_mm: [1.5, 0.75, -1]\n",
                     "t.yaml");
    EXPECT_THAT([&] { schema.check(); },
                testing::ThrowsMessage<Error>(testing::AllOf(testing::HasSubstr("data.batch_size"),
                                                             testing::HasSubstr("data.target_shape"),
                                                             testing::HasSubstr("data.target_spacing_mm"))));
}

}  // namespace
}  // namespace ctclip
