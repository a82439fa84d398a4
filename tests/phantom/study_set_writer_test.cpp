#include "phantom/study_set_writer.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <png.h>

#include <cstring>
#include <map>

#include "base/error.hpp"
#include "base/file_descriptor.hpp"
#include "npz/npz_reader.hpp"
#include "phantom/contact_sheet.hpp"
#include "study/spacing.hpp"
#include "study/study_table.hpp"
#include "support/temp_dir.hpp"

namespace ctclip {
namespace {

using testing::HasSubstr;
using testing::ThrowsMessage;

PhantomOptions small_set(std::filesystem::path const& output) {
    PhantomOptions options;
    options.output = output;
    options.count = 4;
    options.first_patient = 90001;
    options.size = {32, 32, 24};
    return options;
}

StudySet write(PhantomOptions const& options) {
    return write_study_set(options, [] {});
}

/// Relative path -> content.
std::map<std::string, std::string> files_below(std::filesystem::path const& folder) {
    std::map<std::string, std::string> files;
    for (auto const& entry : std::filesystem::recursive_directory_iterator(folder)) {
        if (entry.is_regular_file()) {
            files[std::filesystem::relative(entry.path(), folder).string()] = read_text_file(entry.path());
        }
    }
    return files;
}

TEST(StudySetWriter, LaysFilesOutAsCtRateDoes) {
    TempDir const dir;
    StudySet const set = write(small_set(dir / "set"));
    std::vector<std::string> names;
    for (auto const& [name, content] : files_below(dir / "set")) {
        names.push_back(name);
    }
    EXPECT_THAT(names, testing::UnorderedElementsAre("metadata/validation_metadata.csv",
                                                     "multi_abnormality_labels/valid_predicted_labels.csv",
                                                     "radiology_text_reports/validation_reports.csv",
                                                     "valid/valid_90001/valid_90001_a/valid_90001_a_1.npz",
                                                     "valid/valid_90002/valid_90002_a/valid_90002_a_1.npz",
                                                     "valid/valid_90003/valid_90003_a/valid_90003_a_1.npz",
                                                     "valid/valid_90004/valid_90004_a/valid_90004_a_1.npz"));
    EXPECT_EQ(set.num_studies, 4);
    EXPECT_EQ(set.num_voxels, 4U * 32 * 32 * 24);
}

TEST(StudySetWriter, WritesTablesThatTheSuiteReads) {
    TempDir const dir;
    PhantomOptions options = small_set(dir / "set");
    options.count = 12;
    StudySet const set = write(options);
    StudyTable const table = StudyTable::load(set.reports, set.metadata, set.labels);
    ASSERT_EQ(table.studies().size(), 12U);
    EXPECT_TRUE(table.incomplete().empty());
    EXPECT_THAT(table.class_names(), testing::ElementsAreArray(kAbnormalityNames));
    for (std::int64_t index = 0; index < options.count; ++index) {
        PhantomStudy const planned = plan_study(options, index);
        Study const* const study = table.find(planned.study_id);
        ASSERT_NE(study, nullptr);
        EXPECT_EQ(study->findings, planned.report.findings);
        EXPECT_EQ(study->rescale_slope, planned.rescale_slope);
        EXPECT_EQ(study->rescale_intercept, planned.rescale_intercept);
        EXPECT_EQ(study->z_spacing, planned.grid.spacing_z_mm);
        EXPECT_EQ(parse_xy_spacing_mm(study->xy_spacing), planned.grid.spacing_xy_mm);
        for (std::size_t sign = 0; sign < kNumSigns; ++sign) {
            EXPECT_EQ(study->labels[sign], planned.signs[sign] ? 1.0F : 0.0F);
        }
    }
}

TEST(StudySetWriter, WritesTheSameBytesWithAnyNumberOfThreads) {
    TempDir const dir;
    PhantomOptions options = small_set(dir / "one");
    options.num_threads = 1;
    write(options);
    options.output = dir / "three";
    options.num_threads = 3;
    write(options);
    EXPECT_EQ(files_below(dir / "one"), files_below(dir / "three"));
}

TEST(StudySetWriter, MakesAStudyTheSameInAnySet) {
    TempDir const dir;
    write(small_set(dir / "all"));
    PhantomOptions options = small_set(dir / "last");
    options.first_patient = 90004;
    options.count = 1;
    write(options);
    char const* const name = "valid/valid_90004/valid_90004_a/valid_90004_a_1.npz";
    EXPECT_EQ(files_below(dir / "all").at(name), files_below(dir / "last").at(name));
}

TEST(StudySetWriter, MakesOtherPatientsForAnotherSeedAndSplit) {
    PhantomOptions options = small_set("unused");
    std::uint64_t const seed = plan_study(options, 0).seed;
    options.seed = 2;
    EXPECT_NE(plan_study(options, 0).seed, seed);
    options.seed = 1;
    options.split = "train";
    EXPECT_NE(plan_study(options, 0).seed, seed);
}

TEST(StudySetWriter, TellsNothingOfTheSignsInNamesAndMetadata) {
    TempDir const dir;
    PhantomOptions options = small_set(dir / "healthy");
    options.fixed_signs = SignSet();
    StudySet const healthy = write(options);
    options.output = dir / "ill";
    options.fixed_signs = SignSet().set();
    StudySet const ill = write(options);
    EXPECT_EQ(read_text_file(healthy.metadata), read_text_file(ill.metadata));
    EXPECT_NE(read_text_file(healthy.labels), read_text_file(ill.labels));
}

struct FileForm {
    DType dtype;
    ArrayOrder order;
    NpzCompression compression;
};

class FileFormTest : public testing::TestWithParam<FileForm> {};

TEST_P(FileFormTest, HoldsTheVoxelsOfTheStudy) {
    TempDir const dir;
    PhantomOptions options = small_set(dir / "set");
    options.count = 1;
    options.size = {40, 24, 17};
    options.dtype = GetParam().dtype;
    options.order = GetParam().order;
    options.compression = GetParam().compression;
    StudySet const set = write(options);
    PhantomStudy const study = plan_study(options, 0);

    NpzArray const array = read_npz(set.volumes / study.relative_path());
    EXPECT_EQ(array.key, "data");
    EXPECT_EQ(array.type, options.dtype);
    EXPECT_EQ(array.shape, (Shape{40, 24, 17}));
    EXPECT_EQ(array.is_fortran_order, options.order == ArrayOrder::kFortran);

    StoredVolume const volume = make_volume(study, options, 1);
    ASSERT_EQ(array.bytes().size(), volume.bytes.size());
    EXPECT_EQ(std::memcmp(array.bytes().data(), volume.bytes.data(), volume.bytes.size()), 0);
    PhantomOptions plain = options;
    plain.dtype = DType::kI16;
    plain.order = ArrayOrder::kC;
    StoredVolume const same = make_volume(study, plain, 1);
    for (std::size_t x = 0; x < 40; ++x) {
        EXPECT_EQ(volume.hu(x, x / 2, x / 3), same.hu(x, x / 2, x / 3));
    }
}

INSTANTIATE_TEST_SUITE_P(
    Forms, FileFormTest,
    testing::Values(FileForm{DType::kI16, ArrayOrder::kC, NpzCompression::kDeflated},
                    FileForm{DType::kI16, ArrayOrder::kFortran, NpzCompression::kStored},
                    FileForm{DType::kF32, ArrayOrder::kC, NpzCompression::kStored},
                    FileForm{DType::kF32, ArrayOrder::kFortran, NpzCompression::kDeflated},
                    FileForm{DType::kF64, ArrayOrder::kC, NpzCompression::kDeflated},
                    FileForm{DType::kF64, ArrayOrder::kFortran, NpzCompression::kStored}));

TEST(StoredVolume, GivesHuThroughSlopeAndIntercept) {
    PhantomOptions options = small_set("unused");
    options.size = {48, 48, 32};
    for (std::int64_t index = 0; index < 8; ++index) {
        PhantomStudy const study = plan_study(options, index);
        StoredVolume const volume = make_volume(study, options, 2);
        EXPECT_NEAR(volume.hu(0, 0, 16), -1024.0F, 1.0F) << "outside the field of view";
        EXPECT_NEAR(volume.hu(24, 3, 16), -1000.0F, 80.0F) << "air in front of the chest";
    }
}

TEST(StoredVolume, HoldsHuIfAskedThoughTheMetadataSaysOtherwise) {
    PhantomOptions options = small_set("unused");
    options.units = StoredUnits::kHu;
    for (std::int64_t index = 0; index < 8; ++index) {
        StoredVolume const volume = make_volume(plan_study(options, index), options, 1);
        std::int16_t corner = 0;
        std::memcpy(&corner, volume.bytes.data(), sizeof(corner));
        EXPECT_EQ(corner, -1024);
    }
}

TEST(PhantomOptions, JitterVariesSizesAndSpacingKeepsTheChestInside) {
    PhantomOptions options = small_set("unused");
    options.size = {100, 100, 60};
    options.size_jitter = 0.2;
    std::set<std::size_t> widths;
    for (std::int64_t index = 0; index < 20; ++index) {
        ScanGrid const grid = plan_study(options, index).grid;
        widths.insert(grid.num_x);
        EXPECT_GE(grid.num_x, 80U);
        EXPECT_LE(grid.num_x, 120U);
        double const field_mm = static_cast<double>(std::max(grid.num_x, grid.num_y)) * grid.spacing_xy_mm;
        EXPECT_THAT(field_mm, testing::AllOf(testing::Gt(320.0), testing::Lt(480.0)));
        double const height_mm = static_cast<double>(grid.num_z) * grid.spacing_z_mm;
        EXPECT_THAT(height_mm, testing::AllOf(testing::Gt(250.0), testing::Lt(350.0)));
    }
    EXPECT_GT(widths.size(), 5U);
}

TEST(PhantomOptions, DrawsFindingsWithinTheRange) {
    PhantomOptions options = small_set("unused");
    options.min_findings = 1;
    options.max_findings = 3;
    SignSet seen;
    for (std::int64_t index = 0; index < 300; ++index) {
        SignSet const signs = plan_study(options, index).signs;
        EXPECT_THAT(signs.count(), testing::AllOf(testing::Ge(1U), testing::Le(3U)));
        seen |= signs;
    }
    EXPECT_TRUE(seen.all());
    options.prevalence = 0.5;
    std::size_t total = 0;
    for (std::int64_t index = 0; index < 300; ++index) {
        total += plan_study(options, index).signs.count();
    }
    EXPECT_NEAR(static_cast<double>(total) / (300.0 * kNumSigns), 0.5, 0.03);
}

TEST(PhantomOptions, NamesWhatIsOutOfRange) {
    TempDir const dir;
    auto const error_of = [&](auto const& change) {
        PhantomOptions options = small_set(dir / "set");
        change(options);
        return [options] { write(options); };
    };
    EXPECT_THAT(error_of([](PhantomOptions& o) { o.size = {512, 2000, 100}; }),
                ThrowsMessage<Error>(HasSubstr("--size has 2000 voxels along y, it must be 8 to 1024")));
    EXPECT_THAT(error_of([](PhantomOptions& o) { o.split = "../x"; }),
                ThrowsMessage<Error>(HasSubstr("--split is '../x'")));
    EXPECT_THAT(error_of([](PhantomOptions& o) { o.max_findings = 19; }),
                ThrowsMessage<Error>(HasSubstr("--findings is 19")));
    EXPECT_FALSE(std::filesystem::exists(dir / "set"));
}

TEST(StudySetWriter, RefusesAFolderThatHasSomethingInIt) {
    TempDir const dir;
    write(small_set(dir / "set"));
    EXPECT_THAT([&] { write(small_set(dir / "set")); },
                ThrowsMessage<Error>(HasSubstr("is not an empty folder")));
}

TEST(StudySetWriter, DrawsAContactSheet) {
    TempDir const dir;
    PhantomOptions options = small_set(dir / "set");
    options.contact_sheet = dir / "sheet.png";
    write(options);
    png_image png{};
    png.version = PNG_IMAGE_VERSION;
    ASSERT_NE(png_image_begin_read_from_file(&png, (dir / "sheet.png").c_str()), 0);
    png.format = PNG_FORMAT_GRAY;
    std::vector<std::uint8_t> pixels(PNG_IMAGE_SIZE(png));
    ASSERT_NE(png_image_finish_read(&png, nullptr, pixels.data(), 0, nullptr), 0);
    GreyImage const expected = ContactSheet(4).image();
    EXPECT_EQ(png.width, expected.width);
    EXPECT_EQ(png.height, expected.height);
    EXPECT_GT(std::set<std::uint8_t>(pixels.begin(), pixels.end()).size(), 100U) << "many shades of grey";
}

}  // namespace
}  // namespace ctclip
