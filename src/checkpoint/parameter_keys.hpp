/// The model's own tensors as the table that weights are mapped to. Header only: no LibTorch comes with it.
#pragma once

#include "checkpoint/weight_mapping.hpp"
#include "model/parameter_layout.hpp"

namespace ctclip {

inline KeyTable key_table(std::vector<ParameterSpec> const& layout) {
    KeyTable table;
    for (ParameterSpec const& spec : layout) {
        table.push_back({spec.name, spec.type, spec.shape, spec.may_be_absent});
    }
    return table;
}

}  // namespace ctclip
