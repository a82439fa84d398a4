/// Writing HDF5, in memory, so that HDF5 never meets an I/O error: 1.10.8 ends in a segmentation fault at exit after a
/// failed write to disk. Layout: format `latest` (checksummed metadata), arrays chunked with Fletcher-32 (scalars and
/// empty arrays compact, inside the checksummed object header), no time stamps: equal content gives equal bytes.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "base/array.hpp"
#include "checkpoint/file_image.hpp"
#include "checkpoint/train_state.hpp"

namespace ctclip {

/// Builds one HDF5 file in memory. Group names are absolute ("/optimizer/exp_avg"), parents first. One thread
/// at a time for each writer; several writers and readers, of several threads, take turns.
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

}  // namespace ctclip
