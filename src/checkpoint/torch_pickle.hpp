/// What the pickle of torch.save means: storages by key, tensors as views of them.
/// Descriptions only; the bytes are read later.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/array.hpp"
#include "checkpoint/pickle_machine.hpp"
#include "checkpoint/torch_archive.hpp"

namespace ctclip {

struct TorchStorage {
    std::string key;  ///< decimal: its bytes are record "data/<key>"
    DType type = DType::kF32;
    std::int64_t num_elements = 0;
};

/// Element (i, j, ...) is element offset + i*strides[0] + j*strides[1] + ... of the storage; checked to lie
/// inside.
struct TorchTensor {
    std::size_t storage = 0;
    std::int64_t offset = 0;
    Shape sizes;
    Shape strides;
};

class TorchPickleMeaning : public PickleMeaning {
  public:
    /// @param archive  gives the sizes that storages must have; must outlive this.
    explicit TorchPickleMeaning(TorchArchive const& archive) : archive_(archive) {}

    std::string_view find_global(std::string_view name) override;
    Id reduce(PickleArena& arena, Id callable, Id args) override;
    void build(PickleArena& arena, Id object, Id state) override;
    Id load_persistent(PickleArena& arena, Id pid) override;

    std::vector<TorchStorage> const& storages() const noexcept { return storages_; }
    std::vector<TorchTensor> const& tensors() const noexcept { return tensors_; }

  private:
    Id rebuild_tensor(PickleArena& arena, std::vector<Id> const& args);
    Id rebuild_parameter(PickleArena& arena, std::vector<Id> const& args) const;

    TorchArchive const& archive_;
    std::vector<TorchStorage> storages_;
    std::map<std::string, std::size_t, std::less<>> storage_of_key_;
    std::vector<TorchTensor> tensors_;
};

}  // namespace ctclip
