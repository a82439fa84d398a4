/// HDF5 behind owners, checks and errors; the only user of the HDF5 library (hdf5.h is included in
/// hdf5_file.cpp).
///
/// Writing happens in memory, so HDF5 never meets an I/O error: 1.10.8 ends in a segmentation fault at exit
/// after a failed write to disk. Layout: format `latest` (checksummed metadata),
/// arrays chunked with Fletcher-32 (scalars and empty arrays compact, inside the checksummed object header),
/// no time stamps: equal content gives equal bytes. Reading accepts exactly that and nothing else.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/array.hpp"
#include "base/file_descriptor.hpp"
#include "checkpoint/file_image.hpp"
#include "checkpoint/train_state.hpp"

namespace ctclip {

/// Builds one HDF5 file in memory. Group names are absolute ("/optimizer/exp_avg"), parents first.
/// @throws Error kBadInput for what the format cannot hold (a '/' or NUL in a name, F16, BF16, BOOL arrays);
/// kTryAgain when HDF5 fails, which in memory means that memory ran out.
class Hdf5ImageWriter {
  public:
    /// @param user_block_bytes  left zero in front of the HDF5 part: 512 or a larger power of two.
    explicit Hdf5ImageWriter(std::size_t user_block_bytes);
    Hdf5ImageWriter(Hdf5ImageWriter&&) noexcept;
    ~Hdf5ImageWriter();

    void create_group(std::string const& group);
    void write_array(std::string const& group, std::string const& name, Array const& array);
    void write_scalar(std::string const& group, std::string const& name, Scalar const& scalar);

    /// The file, user block included. The writer is spent.
    FileImage finish();

  private:
    struct State;
    std::unique_ptr<State> state_;
};

/// Reads a file of Hdf5ImageWriter. Check its digest first: HDF5 1.10.8 is not safe on hostile bytes
/// (spec 2.6). Links other than hard ones, foreign layouts, filters and types are refused; nothing larger
/// than the file is allocated. @throws Error kBadInput naming file and object.
class Hdf5Reader {
  public:
    /// Reads through `file`, which must stay open, never through the path: what was checked is what is read.
    Hdf5Reader(FileDescriptor const& file, std::filesystem::path path);
    Hdf5Reader(Hdf5Reader&&) noexcept;
    ~Hdf5Reader();

    std::vector<std::string> group_names(std::string const& group) const;
    std::vector<std::string> array_names(std::string const& group) const;
    Array read_array(std::string const& group, std::string const& name) const;
    std::map<std::string, Scalar> read_scalars(std::string const& group) const;

  private:
    struct State;
    std::unique_ptr<State> state_;
};

/// "1.10.8": the library in use.
std::string hdf5_version();

}  // namespace ctclip
