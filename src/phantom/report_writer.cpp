#include "phantom/report_writer.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>

#include "phantom/random_stream.hpp"
#include "phantom/report_phrases.hpp"

namespace ctclip {
namespace {

constexpr double kShortReportDenies = 0.5;  ///< share of short reports that also say what is absent

std::vector<Sign> signs_that_are(bool present, SignSet const& signs) {
    std::vector<Sign> chosen;
    for (std::size_t index = 0; index < kNumSigns; ++index) {
        if (signs[index] == present) {
            chosen.push_back(static_cast<Sign>(index));
        }
    }
    return chosen;
}

template <class T>
void shuffle(std::vector<T>& items, RandomStream& random) {
    for (std::size_t i = items.size(); i > 1; --i) {
        std::swap(items[i - 1], items[random.below(i)]);
    }
}

std::vector<Sign> some_absent_signs(SignSet const& signs, RandomStream& random, std::size_t count) {
    std::vector<Sign> absent = signs_that_are(false, signs);
    shuffle(absent, random);
    absent.resize(std::min(absent.size(), count));
    return absent;
}

std::string impressions_of(SignSet const& signs, RandomStream& random) {
    std::vector<std::string> sentences;
    for (Sign const sign : signs_that_are(true, signs)) {
        sentences.push_back(fill_template("{noun}.", phrases_of(sign)));
    }
    if (sentences.empty()) {
        return random.chance(0.3) ? "Not given." : std::string(random.pick(nothing_found_sentences()));
    }
    return fmt::format("{}", fmt::join(sentences, " "));
}

Report write_short_report(SignSet const& signs, RandomStream& random) {
    std::vector<std::string> sentences;
    for (Sign const sign : signs_that_are(true, signs)) {
        sentences.push_back(fill_template(random.pick(plain_presence_templates()), phrases_of(sign)));
    }
    std::size_t const num_denied = signs.none() ? 2 : (random.chance(kShortReportDenies) ? 1 : 0);
    for (Sign const sign : some_absent_signs(signs, random, num_denied)) {
        sentences.push_back(fill_template(random.pick(plain_absence_templates()), phrases_of(sign)));
    }
    shuffle(sentences, random);
    return {fmt::format("{}", fmt::join(sentences, " ")), impressions_of(signs, random)};
}

Report write_long_report(SignSet const& signs, RandomStream& random) {
    std::vector<std::string> sentences;
    for (std::string_view const sentence : normal_organ_sentences()) {
        if (random.chance(0.6)) {
            sentences.emplace_back(sentence);
        }
    }
    for (Sign const sign : signs_that_are(true, signs)) {
        sentences.emplace_back(random.pick(phrases_of(sign).present));
    }
    for (Sign const sign : some_absent_signs(signs, random, static_cast<std::size_t>(random.between(3, 6)))) {
        sentences.emplace_back(random.pick(phrases_of(sign).absent));
    }
    shuffle(sentences, random);
    return {fmt::format("{}", fmt::join(sentences, " ")), impressions_of(signs, random)};
}

}  // namespace

Report write_report(std::uint64_t study_seed, SignSet const& signs, ReportStyle style) {
    RandomStream random(study_seed, "report");
    return style == ReportStyle::kShort ? write_short_report(signs, random)
                                        : write_long_report(signs, random);
}

std::vector<std::string> all_report_sentences(ReportStyle style) {
    std::vector<std::string> sentences;
    for (std::size_t index = 0; index < kNumSigns; ++index) {
        SignPhrases const& phrases = phrases_of(static_cast<Sign>(index));
        if (style == ReportStyle::kShort) {
            for (auto const templates : {plain_presence_templates(), plain_absence_templates()}) {
                for (std::string_view const sentence : templates) {
                    sentences.push_back(fill_template(sentence, phrases));
                }
            }
        } else {
            sentences.insert(sentences.end(), phrases.present.begin(), phrases.present.end());
            sentences.insert(sentences.end(), phrases.absent.begin(), phrases.absent.end());
        }
        sentences.push_back(fill_template("{noun}.", phrases));
    }
    if (style == ReportStyle::kLong) {
        sentences.insert(sentences.end(), normal_organ_sentences().begin(), normal_organ_sentences().end());
    }
    sentences.insert(sentences.end(), nothing_found_sentences().begin(), nothing_found_sentences().end());
    return sentences;
}

}  // namespace ctclip
