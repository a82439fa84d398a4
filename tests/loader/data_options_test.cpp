#include "loader/data_options.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.hpp"

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
