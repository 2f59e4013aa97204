#include <luban/evaluation/model_card.hpp>

#include <cmath>
#include <cstddef>
#include <span>

#include <luban/core/error.hpp>
#include <luban/core/sha256.hpp>

namespace luban::evaluation {

namespace {

template <typename T>
void feed(core::Sha256& digest, const std::vector<T>& values) {
  digest.update(std::as_bytes(std::span<const T>(values)));
}

void feed(core::Sha256& digest, const Eigen::MatrixXd& values) {
  digest.update(std::as_bytes(std::span<const double>(values.data(), static_cast<std::size_t>(values.size()))));
}

void feed(core::Sha256& digest, const std::vector<std::string>& texts) {
  for (const std::string& text : texts) digest.update(std::to_string(text.size()) + ":" + text);
}

std::string percent(double share) {
  return std::to_string(static_cast<int>(share * 100.0 + 0.5)) + " %";
}

/// Sentences that the evaluation itself gives reason to say about one response.
void add_reasons(const ModelCard::Response& response, std::vector<std::string>& why) {
  if (response.gross_errors > 0) {
    why.push_back(response.name + ": " + std::to_string(response.gross_errors) +
                  (response.gross_errors == 1 ? " reading is a gross error" : " readings are gross errors") +
                  "; the fit gives no weight to such readings, and scores stand both with and without them.");
  }
  if (response.reading.reached < score_levels.back()) {
    why.push_back(response.name + ": only " + std::to_string(response.reading.groups) + " groups: intervals above " +
                  percent(response.reading.reached) +
                  " assume normal residuals between groups, nothing finer can be said from so few.");
  }
  if (!std::isfinite(response.ceiling.rmse)) {
    why.push_back(response.name +
                  ": nothing was ever repeated, so it is not known what noise alone would leave of the error.");
  } else if (!response.ceiling.complete) {
    why.push_back(
        response.name +
        ": no setting was ever run twice, so the noise between runs is unknown and what noise alone leaves counts "
        "the noise within runs only.");
  }
  if (response.beats_noise) {
    why.push_back(response.name +
                  ": the error is below what replicate noise allows. Something that is only known after the run may "
                  "stand among the inputs: look for a leak before trusting this model.");
  }
}

}  // namespace

std::string data_digest(const features::Dataset& data) {
  core::Sha256 digest;
  digest.update(data.encoder.to_json().dump());
  for (const features::ResponseColumn& response : data.responses) {
    feed(digest, std::vector<std::string>{response.name, response.unit});
  }
  feed(digest, data.X);
  feed(digest, data.Y);
  if (data.noise_variance.size() > 0) feed(digest, data.noise_variance);
  feed(digest, data.run);
  feed(digest, data.run_ids);
  feed(digest, data.group);
  feed(digest, data.group_labels);
  feed(digest, data.run_time);
  return digest.hex();
}

ModelCard make_card(const features::Dataset& data, const Evaluation& evaluation) {
  if (evaluation.contenders.empty() || evaluation.contenders.front().responses.size() != data.responses.size()) {
    throw core::DataError({.where = "evaluation.make_card",
                           .expected = "an evaluation of this dataset",
                           .received = "one of another number of responses",
                           .place = {},
                           .hint = {}});
  }
  ModelCard card;
  card.surrogate = evaluation.contenders.front().name;
  card.data = {.digest = data_digest(data),
               .readings = static_cast<std::int64_t>(data.n()),
               .runs = static_cast<std::int64_t>(data.run_count()),
               .groups = static_cast<std::int64_t>(data.group_count()),
               .inputs = {}};
  for (const features::EncodedVariable& variable : data.encoder.variables()) card.data.inputs.push_back(variable.name);
  card.validation = {.split = evaluation.split == Split::groups ? "groups" : "time_blocks",
                     .grouped_by = {},
                     .folds = evaluation.folds,
                     .repeats = evaluation.repeats,
                     .seed = evaluation.seed};
  for (std::size_t r = 0; r < data.responses.size(); ++r) {
    const ResponseEvaluation& model = evaluation.contenders.front().responses[r];
    ModelCard::Response response{.name = data.responses[r].name,
                                 .unit = data.responses[r].unit,
                                 .gross_errors = 0,
                                 .ceiling = evaluation.ceilings[r],
                                 .scores = {},
                                 .reading = model.reading,
                                 .run_mean = model.run_mean,
                                 .calibrated_coverage = model.calibrated_coverage,
                                 .beats_noise = model.beats_noise,
                                 .hyperparameters = {}};
    const auto present = !data.Y.col(static_cast<Eigen::Index>(r)).array().isNaN();
    response.gross_errors = (present && evaluation.weights[r].array() == 0.0).count();
    for (const ContenderEvaluation& contender : evaluation.contenders) {
      const ResponseEvaluation& of = contender.responses[r];
      const auto add = [&](bool without_gross, const ScoreSummary& summary) {
        response.scores.push_back({.contender = contender.name,
                                   .without_gross = without_gross,
                                   .mean = summary.mean,
                                   .standard_error = summary.standard_error,
                                   .pooled = summary.pooled,
                                   .repeat_sd = summary.repeat_sd});
      };
      add(false, of.all);
      add(true, of.without_gross);
    }
    add_reasons(response, card.why);
    card.responses.push_back(std::move(response));
  }
  return card;
}

}  // namespace luban::evaluation
