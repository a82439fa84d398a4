/// The pair of sentences that asks a CLIP model about one abnormality.
#pragma once

#include <string>
#include <vector>

namespace ctclip {

struct PromptPair {
    std::string class_name;
    std::string positive;  ///< "There is Cardiomegaly."
    std::string negative;  ///< "There is no Cardiomegaly."
};

/// One pair per class, in the order of `class_names`.
/// @param prompt_set
///   `there_is`    "There is {label}." / "There is no {label}."        (in-training evaluation, and the FORK)
///   `is_present`  "{label} is present." / "{label} is not present."   (the published zero-shot script)
///   a file        JSON: {"positive": "... {label} ...", "negative": "..."} as templates, and optionally
///                 {"classes": {"Cardiomegaly": {"positive": "...", "negative": "..."}}} for single classes.
/// @throws Error kBadConfig for an unknown set, kBadInput for a file that is not of this form.
std::vector<PromptPair> make_prompts(std::string const& prompt_set,
                                     std::vector<std::string> const& class_names);

}  // namespace ctclip
