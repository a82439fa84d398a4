#include "nifti/nifti_reader.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

#include "base/error.hpp"
#include "base/file_descriptor.hpp"
#include "checkpoint/tensor_summary.hpp"
#include "nifti/made_nifti.hpp"
#include "support/temp_dir.hpp"

namespace ctclip {
namespace {

using testing::HasSubstr;
using testing::ThrowsMessage;

constexpr std::array<std::int64_t, 3> kLpsSize{4, 3, 2};

double value_at(std::int64_t x, std::int64_t y, std::int64_t z) {
    return static_cast<double>(x + 10 * y + 40 * z);
}

/// Voxel axis `axis_of[w]` of the file runs along LPS axis w, backwards where `is_reversed[w]`.
MadeNifti laid_out(std::array<std::size_t, 3> const& axis_of, std::array<bool, 3> const& is_reversed) {
    MadeNifti made;
    std::array<double, 3> const spacing{0.5, 0.6, 1.5};
    made.affine = {};
    for (std::size_t w = 0; w < 3; ++w) {
        made.size[axis_of[w]] = kLpsSize[w];
        double const lps_to_ras = w == 2 ? 1.0 : -1.0;
        made.affine[w][axis_of[w]] = spacing[w] * lps_to_ras * (is_reversed[w] ? -1.0 : 1.0);
    }
    for (std::int64_t k = 0; k < made.size[2]; ++k) {
        for (std::int64_t j = 0; j < made.size[1]; ++j) {
            for (std::int64_t i = 0; i < made.size[0]; ++i) {
                std::array<std::int64_t, 3> const index{i, j, k};
                std::array<std::int64_t, 3> lps{};
                for (std::size_t w = 0; w < 3; ++w) {
                    lps[w] = is_reversed[w] ? kLpsSize[w] - 1 - index[axis_of[w]] : index[axis_of[w]];
                }
                made.voxels.push_back(value_at(lps[0], lps[1], lps[2]));
            }
        }
    }
    return made;
}

void expect_lps(NpzArray const& array, double slope = 1.0, double intercept = 0.0) {
    ASSERT_EQ(array.shape, (Shape{4, 3, 2}));
    ASSERT_TRUE(array.is_fortran_order);
    ValueReader const read = value_reader(array.type);
    std::size_t offset = 0;
    for (std::int64_t z = 0; z < 2; ++z) {
        for (std::int64_t y = 0; y < 3; ++y) {
            for (std::int64_t x = 0; x < 4; ++x) {
                ASSERT_EQ(read(array.bytes().data() + offset), slope * value_at(x, y, z) + intercept)
                    << x << " " << y << " " << z;
                offset += item_size_bytes(array.type);
            }
        }
    }
}

class Nifti : public testing::Test {
  protected:
    NpzArray const& read(MadeNifti const& made, std::string const& name = "v.nii") {
        return reader_.read(made.write(dir_ / name));
    }
    NpzArray const& read_bytes(std::string const& content) {
        std::ofstream(dir_ / "v.nii.gz", std::ios::binary) << content;
        return reader_.read(dir_ / "v.nii.gz");
    }
    void expect_refused(MadeNifti const& made, std::string const& why) {
        EXPECT_THAT([&] { read(made); }, ThrowsMessage<Error>(AllOf(HasSubstr("v.nii"), HasSubstr(why))));
    }
    void expect_bytes_refused(std::string const& content, std::string const& why) {
        EXPECT_THAT([&] { read_bytes(content); },
                    ThrowsMessage<Error>(AllOf(HasSubstr("v.nii.gz"), HasSubstr(why))));
    }

    TempDir const dir_;
    NiftiReader reader_;
    MadeNifti const plain_ = laid_out({0, 1, 2}, {});
};

TEST_F(Nifti, EveryLayoutTurnsIntoLps) {
    std::array<std::size_t, 3> axis_of{0, 1, 2};
    int num_layouts = 0;
    do {
        for (int flips = 0; flips < 8; ++flips) {
            MadeNifti const made = laid_out(axis_of, {(flips & 1) != 0, (flips & 2) != 0, (flips & 4) != 0});
            expect_lps(read(made));
            EXPECT_NEAR(reader_.header().axes[0].spacing_mm, 0.5, 1e-6);
            EXPECT_NEAR(reader_.header().axes[1].spacing_mm, 0.6, 1e-6);
            EXPECT_NEAR(reader_.header().axes[2].spacing_mm, 1.5, 1e-6);
            ++num_layouts;
        }
    } while (std::ranges::next_permutation(axis_of).found);
    EXPECT_EQ(num_layouts, 48);
}

TEST_F(Nifti, PeeksAtWhatItThenReadsWithoutTheVoxels) {
    MadeNifti made = laid_out({2, 0, 1}, {true, false, false});
    for (double const slope : {0.0, 2.0}) {
        made.slope = slope;
        for (char const* const name : {"v.nii", "v.nii.gz"}) {
            std::filesystem::path const path = made.write(dir_ / name);
            VolumeSummary const summary = reader_.peek(path);
            NpzArray const& array = reader_.read(path);
            EXPECT_EQ(summary.type, array.type);
            EXPECT_EQ(summary.shape, array.shape);
            std::filesystem::resize_file(path, std::filesystem::file_size(path) - 9);
            EXPECT_EQ(reader_.peek(path).shape, array.shape);
            EXPECT_THROW(reader_.read(path), Error);
        }
    }
}

TEST_F(Nifti, BothVersionsBothByteOrdersEveryTypeAndCompression) {
    for (int const version : {1, 2}) {
        for (bool const is_big_endian : {false, true}) {
            for (auto const& [datatype, type] : std::vector<std::pair<int, DType>>{{2, DType::kU8},
                                                                                   {4, DType::kI16},
                                                                                   {8, DType::kI32},
                                                                                   {16, DType::kF32},
                                                                                   {64, DType::kF64},
                                                                                   {256, DType::kI8},
                                                                                   {512, DType::kU16}}) {
                MadeNifti made = laid_out({1, 0, 2}, {true, false, true});
                made.version = version;
                made.is_big_endian = is_big_endian;
                made.datatype = static_cast<std::int16_t>(datatype);
                for (char const* const name : {"v.nii", "v.nii.gz"}) {
                    NpzArray const& array = read(made, name);
                    EXPECT_EQ(array.type, type);
                    EXPECT_FALSE(array.is_big_endian);
                    expect_lps(array);
                }
            }
        }
    }
}

TEST_F(Nifti, ScalingOfTheHeaderIsAppliedInFloat64) {
    MadeNifti made = plain_;
    made.slope = 0.5;
    made.intercept = -1024.0;
    NpzArray const& array = read(made);
    EXPECT_EQ(array.type, DType::kF64);
    expect_lps(array, 0.5, -1024.0);
    for (double const none : {0.0, std::nan(""), HUGE_VAL}) {  // as nibabel, whatever the intercept says
        made.slope = none;
        EXPECT_EQ(read(made).type, DType::kI16) << none;
        EXPECT_FALSE(reader_.header().has_scaling()) << none;
    }
}

TEST_F(Nifti, TheQformCountsWhereThereIsNoSform) {
    MadeNifti made = plain_;
    made.has_sform = false;
    made.has_qform = true;
    made.quaternion = {0.0, 0.0, 1.0};  // half a turn around the head's axis: RAS to LPS
    expect_lps(read(made));
    made.pixdim[0] = -1.0;  // the third axis the other way
    NpzArray const& turned = read(made);
    ValueReader const value = value_reader(turned.type);
    EXPECT_EQ(value(turned.bytes().data()), value_at(0, 0, 1));
}

TEST_F(Nifti, SaysWhichWayTheFilesAxesRanAsNibabelDoes) {
    read(plain_);
    EXPECT_EQ(reader_.header().orientation, "LPS");
    read(laid_out({1, 0, 2}, {true, false, true}));
    EXPECT_EQ(reader_.header().orientation, "PRI");
}

/// The sform counts, and what contradicts it is told: another side, or the same side more than 11 degrees
/// off.
TEST_F(Nifti, NamesTheContradictionBetweenSformAndQform) {
    MadeNifti made = plain_;
    made.has_qform = true;
    made.quaternion = {0.0, 0.0, 1.0};  // LPS as well
    expect_lps(read(made));
    EXPECT_EQ(reader_.header().orientation_conflict, std::nullopt);

    made.quaternion = {0.0, 0.0, 0.0};
    expect_lps(read(made));
    EXPECT_EQ(reader_.header().orientation_conflict,
              "its axes run to LPS by the sform, but to RAS by the qform (180 degrees apart)");

    auto const turned_by = [&](double degrees) {
        double const half_angle = (180.0 - degrees) / 2.0 * std::numbers::pi / 180.0;
        made.quaternion = {0.0, 0.0, std::sin(half_angle)};
        read(made);
        return reader_.header().orientation_conflict;
    };
    EXPECT_EQ(turned_by(10.0), std::nullopt);
    EXPECT_EQ(turned_by(20.0),
              "its axes run to LPS by the sform, but to LPS by the qform (20 degrees apart)");

    for (double const no_sine : {std::nan(""), HUGE_VAL, 1.1}) {
        made.quaternion = {0.0, 0.0, no_sine};
        expect_lps(read(made));
        EXPECT_EQ(reader_.header().orientation_conflict,
                  "its axes run to LPS by the sform, but its qform is set to a quaternion that is no rotation");
    }
    made.has_qform = false;  // what its fields say then says nothing
    read(made);
    EXPECT_EQ(reader_.header().orientation_conflict, std::nullopt);
    read(plain_);
    EXPECT_EQ(reader_.header().orientation_conflict, std::nullopt) << "of the volume read last";
}

TEST_F(Nifti, ASlightTiltIsTakenAsTheNearestAxisAndMoreIsRefused) {
    MadeNifti made = plain_;
    made.affine[2][1] = 0.05;
    expect_lps(read(made));
    made.affine[2][1] = 0.3;
    expect_refused(made, "lies oblique");
}

TEST_F(Nifti, RefusesWhatItCannotKnowByName) {
    MadeNifti made = plain_;
    made.has_sform = false;
    expect_refused(made, "neither sform nor qform");
    made = plain_;
    made.datatype = 128;
    expect_refused(made, "NIfTI datatype 128");
    made = plain_;
    made.has_sform = false;
    made.has_qform = true;
    made.quaternion = {std::nan(""), 0.0, 0.0};
    expect_refused(made, "the quaternion is no rotation");
    made = plain_;
    made.num_axes = 2;
    expect_refused(made, "2 axes");
    made = plain_;
    made.size[1] = -3;
    expect_refused(made, "axis 2 has length -3");
    made = plain_;
    made.affine[0][0] = 0.0;
    expect_refused(made, "no usable direction");
    made = plain_;
    made.slope = 2.0;
    made.intercept = std::nan("");
    expect_refused(made, "no scaling");
    made = plain_;
    made.size = {32000, 32000, 32000};
    expect_refused(made, "at most");
}

TEST_F(Nifti, RefusesABitpixThatContradictsTheDatatype) {
    MadeNifti made = plain_;
    for (int const version : {1, 2}) {
        made.version = version;
        made.bitpix = 32;
        expect_refused(made, "bitpix 32 contradicts datatype 4, whose voxels have 16 bits");
        made.bitpix = 0;  // left out
        expect_lps(read(made));
    }
}

TEST_F(Nifti, ReadsGzipMembersOneAfterTheOther) {
    std::string const whole = plain_.bytes();
    std::string members;
    for (std::size_t at = 0; at < whole.size(); at += 100) {  // the header too lies in several
        members += gzip_member(whole.substr(at, 100));
    }
    expect_lps(read_bytes(members));
    expect_lps(read_bytes(members + gzip_member("")));         // bgzip's end marker
    expect_lps(read_bytes(members + std::string(512, '\0')));  // of a tape
    expect_bytes_refused(members + "x", "1 bytes follow the gzip stream");
    expect_bytes_refused(members + gzip_member("x"), "holds more than the");
    expect_bytes_refused(members.substr(0, members.size() - 1), "");
    expect_bytes_refused(gzip_member(whole.substr(0, 380)), "380 bytes, but header and voxels need");
}

TEST_F(Nifti, TheFirstBytesSayWhetherItIsCompressed) {
    std::ofstream(dir_ / "v.nii", std::ios::binary) << gzip_member(plain_.bytes());
    expect_lps(reader_.read(dir_ / "v.nii"));
    expect_lps(read_bytes(plain_.bytes()));
}

TEST_F(Nifti, TakesNoMemoryForVoxelsThatAGzipStreamCannotHold) {
    MadeNifti made = plain_;
    made.size = {1000, 1000, 100};
    std::string const lie = gzip_member(made.bytes());
    expect_bytes_refused(lie, "cannot hold");
}

TEST_F(Nifti, EveryTruncationIsRefused) {
    for (char const* const name : {"v.nii", "v.nii.gz"}) {
        std::filesystem::path const path = plain_.write(dir_ / name);
        for (std::uintmax_t size = std::filesystem::file_size(path); size-- > 0;) {
            std::filesystem::resize_file(path, size);
            EXPECT_THROW(reader_.read(path), Error) << name << " of " << size << " bytes";
        }
    }
}

TEST_F(Nifti, EveryFlippedBitOfACompressedFileIsFoundOrChangesNothing) {
    std::filesystem::path const path = plain_.write(dir_ / "v.nii.gz");
    std::string const good = read_text_file(path);
    for (std::size_t bit = 0; bit < 8 * good.size(); ++bit) {
        std::string bad = good;
        bad[bit / 8] = static_cast<char>(bad[bit / 8] ^ (1 << bit % 8));
        std::ofstream(path, std::ios::binary) << bad;
        try {
            expect_lps(reader_.read(path));  // the gzip header's time and system may say anything
        } catch (Error const&) {
        }
    }
}

}  // namespace
}  // namespace ctclip
