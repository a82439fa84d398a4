/// Reading HDF5: exactly what hdf5_writer.hpp writes, and nothing else.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/array.hpp"
#include "base/file_descriptor.hpp"
#include "checkpoint/train_state.hpp"

namespace ctclip {

/// Reads a file of Hdf5ImageWriter. Check its digest first: HDF5 1.10.8 is not safe on hostile bytes
/// (tests/checkpoint/hostile_hdf5.py). Links other than hard ones, foreign layouts, filters and types are
/// refused; nothing larger than the file is allocated. Threads as for the writer.
/// @throws Error kBadInput naming file and object.
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

}  // namespace ctclip
