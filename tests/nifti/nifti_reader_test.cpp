#include "nifti/nifti_reader.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "base/error.hpp"
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
    void expect_refused(MadeNifti const& made, std::string const& why) {
        EXPECT_THAT([&] { read(made); }, ThrowsMessage<Error>(AllOf(HasSubstr("v.nii"), HasSubstr(why))));
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
            EXPECT_NEAR(reader_.spacing_mm()[0], 0.5, 1e-6);
            EXPECT_NEAR(reader_.spacing_mm()[1], 0.6, 1e-6);
            EXPECT_NEAR(reader_.spacing_mm()[2], 1.5, 1e-6);
            ++num_layouts;
        }
    } while (std::ranges::next_permutation(axis_of).found);
    EXPECT_EQ(num_layouts, 48);
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
    made.slope = 0.0;  // "no scaling", whatever the intercept says
    EXPECT_EQ(read(made).type, DType::kI16);
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
    made.num_axes = 2;
    expect_refused(made, "2 axes");
    made = plain_;
    made.size[1] = -3;
    expect_refused(made, "axis 2 has length -3");
    made = plain_;
    made.affine[0][0] = 0.0;
    expect_refused(made, "no usable direction");
    made = plain_;
    made.slope = std::nan("");
    expect_refused(made, "no scaling");
    made = plain_;
    made.size = {32000, 32000, 32000};
    expect_refused(made, "at most");
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
