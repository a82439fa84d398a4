/// How radiologists say it.
#pragma once

#include <array>
#include <span>
#include <string>
#include <string_view>

#include "phantom/sign.hpp"

namespace ctclip {

/// "There is no lung nodule.": lower case as inside a sentence; `some` carries the article.
struct SignPhrases {
    std::string_view noun;
    std::string_view some;
    std::array<std::string_view, 3> present;  ///< sentences that describe the picture and name the finding
    std::array<std::string_view, 2> absent;   ///< sentences that deny it
};

SignPhrases const& phrases_of(Sign sign);

/// Plain sentences; `{noun}` and `{some}` stand for those of SignPhrases.
std::span<std::string_view const> plain_presence_templates();
std::span<std::string_view const> plain_absence_templates();
/// A template with its noun filled in, beginning with a capital letter.
std::string fill_template(std::string_view sentence, SignPhrases const& phrases);

/// Sentences about healthy organs that deny none of the 18 labels.
std::span<std::string_view const> normal_organ_sentences();
std::span<std::string_view const> nothing_found_sentences();

}  // namespace ctclip
