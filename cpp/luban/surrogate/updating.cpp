#include <algorithm>
#include <cmath>
#include <cstdio>
#include <numbers>
#include <string>
#include <utility>

#include <luban/core/error.hpp>
#include <luban/core/text.hpp>
#include <luban/surrogate/detail/chi_squared.hpp>
#include <luban/surrogate/detail/matching_data.hpp>
#include <luban/surrogate/gaussian_process.hpp>

namespace luban::surrogate {

namespace {

void require_option(bool right, const char* expected, const std::string& received, const char* option) {
  if (right) return;
  throw core::ConfigurationError({.where = "surrogate.Updating",
                                  .expected = expected,
                                  .received = received,
                                  .place = std::string("option ") + option,
                                  .hint = {}});
}

std::string short_text(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.3g", value);
  return text;
}

struct Judgement {
  double p_value = 1.0;
  std::string sentence;
};

Judgement judged(const Innovations& one, const std::string& response, double responses) {
  const Eigen::Index k = one.standardised.size();
  const double squares = one.standardised.squaredNorm();
  const double sum = one.standardised.sum();
  const double spread = detail::chi_squared_tail(k, squares);
  const double shift = std::erfc(std::abs(sum) / std::sqrt(2.0 * static_cast<double>(k)));
  Judgement out;
  out.p_value = std::min(1.0, 2.0 * responses * std::min(spread, shift));
  out.sentence = "response " + core::quoted(response) + ": the last " + std::to_string(k) + " new means miss by " +
                 short_text(sum / static_cast<double>(k)) + " standard deviations on average and by " +
                 short_text(std::sqrt(squares / static_cast<double>(k))) + " in root mean square, where 0 and 1 are " +
                 "expected (p = " + short_text(out.p_value) + ")";
  Eigen::Index worst = 0;
  const double miss = one.standardised.cwiseAbs().maxCoeff(&worst);
  if (miss > 3.0) {
    out.sentence += "; run " + core::quoted(one.runs[static_cast<std::size_t>(worst)]) + " alone misses by " +
                    short_text(one.standardised(worst));
  }
  return out;
}

// Whether readings came that the model, which has one level of noise for single readings, takes for new runs.
bool repeats_known_runs(const GaussianProcess& surrogate, const features::Dataset& runs) {
  for (Eigen::Index r = 0; r < std::ssize(surrogate.responses()); ++r) {
    if (surrogate.within_sd(r) > 0.0) continue;
    const std::vector<std::string>& ids = surrogate.run_ids(r);
    std::set<std::string> seen(ids.begin(), ids.end());
    for (Eigen::Index i = 0; i < runs.n(); ++i) {
      if (std::isnan(runs.Y(i, r))) continue;
      const auto run = static_cast<std::size_t>(runs.run[static_cast<std::size_t>(i)]);
      if (!seen.insert(runs.run_ids[run]).second) return true;
    }
  }
  return false;
}

std::vector<std::string> known_among(const GaussianProcess& surrogate, const std::vector<std::string>& runs) {
  std::set<std::string> known;
  for (Eigen::Index r = 0; r < std::ssize(surrogate.responses()); ++r) {
    known.insert(surrogate.run_ids(r).begin(), surrogate.run_ids(r).end());
  }
  std::vector<std::string> out;
  for (const std::string& run : runs) {
    if (known.contains(run)) out.push_back(run);
  }
  return out;
}

}  // namespace

Updating::Updating(std::shared_ptr<const GaussianProcess> surrogate, features::Dataset data, UpdatingOptions options,
                   core::RandomKey key)
    : surrogate_(std::move(surrogate)), data_(std::move(data)), options_(std::move(options)), key_(key) {
  require_option(options_.look_back >= 1, "at least 1", std::to_string(options_.look_back), "look_back");
  require_option(options_.level > 0.0 && options_.level < 1.0, "a number between 0 and 1", short_text(options_.level),
                 "level");
  require_option(options_.refit_after >= 0, "0 (never) or more", std::to_string(options_.refit_after), "refit_after");
  require_option(options_.window == 0 || options_.window >= 2, "0 (all runs) or at least 2",
                 std::to_string(options_.window), "window");
  innovations_.resize(surrogate_->responses().size());
  data_ = detail::matching(data_, surrogate_->encoder(), surrogate_->responses(), "surrogate.Updating");
  judge();
}

Updating Updating::fit(const features::Dataset& data, const UpdatingOptions& options, core::RandomKey key,
                       const core::CallControl& control) {
  return {GaussianProcess::fit(data, options.fit, key, control), data, options, key};
}

Updating Updating::add(const features::Dataset& runs) const {
  Updating out = *this;
  const features::Dataset matched =
      detail::matching(runs, surrogate_->encoder(), surrogate_->responses(), "surrogate.Updating.add");
  out.take(surrogate_->innovations(matched));
  out.repeated_ = repeated_ || repeats_known_runs(*surrogate_, matched);
  out.since_fit_.insert(matched.run_ids.begin(), matched.run_ids.end());
  out.surrogate_ = surrogate_->condition_on(matched);
  out.data_ = detail::joined(data_, matched);
  const auto excess = std::ssize(out.data_.run_ids) - options_.window;
  if (options_.window > 0 && excess > 0) {
    const std::vector<std::string> oldest(out.data_.run_ids.begin(), out.data_.run_ids.begin() + excess);
    const std::vector<std::string> learned = known_among(*out.surrogate_, oldest);
    if (!learned.empty()) out.surrogate_ = out.surrogate_->forget(learned);
    out.data_ = detail::without(out.data_, oldest);
  }
  out.judge();
  return out;
}

Updating Updating::forget(const std::vector<std::string>& runs) const {
  Updating out = *this;
  out.surrogate_ = surrogate_->forget(runs);
  out.data_ = detail::without(data_, runs);
  return out;
}

Updating Updating::refit(const core::CallControl& control) const {
  const core::RandomKey key = key_.child("refit").child(refits_);
  Updating out(GaussianProcess::fit_from(*surrogate_, data_, options_.fit, key, control), data_, options_, key_);
  out.refits_ = refits_ + 1;
  return out;
}

void Updating::take(const std::vector<Innovations>& fresh) {
  for (std::size_t r = 0; r < fresh.size(); ++r) {
    Innovations& kept = innovations_[r];
    Eigen::VectorXd all(kept.standardised.size() + fresh[r].standardised.size());
    all << kept.standardised, fresh[r].standardised;
    kept.runs.insert(kept.runs.end(), fresh[r].runs.begin(), fresh[r].runs.end());
    const Eigen::Index count = std::min<Eigen::Index>(all.size(), options_.look_back);
    kept.standardised = all.tail(count);
    kept.runs.erase(kept.runs.begin(), kept.runs.end() - count);
  }
}

void Updating::judge() {
  advice_ = {};
  advice_.runs = std::ssize(since_fit_);
  std::string found = "no run came since the last fit";
  for (std::size_t r = 0; r < innovations_.size(); ++r) {
    if (innovations_[r].runs.empty()) continue;
    const std::string& name = surrogate_->responses()[r].name;
    const Judgement one = judged(innovations_[r], name, static_cast<double>(innovations_.size()));
    if (!advice_.response.empty() && one.p_value >= advice_.p_value) continue;
    advice_.p_value = one.p_value;
    advice_.response = name;
    found = one.sentence;
  }
  const std::string since = std::to_string(advice_.runs) + " runs came since the last fit";
  if (advice_.p_value < options_.level) {
    advice_.reason = RefitReason::innovations;
    advice_.sentence = "A refit is due: " + found + ".";
  } else if (repeated_) {
    advice_.reason = RefitReason::noise_level;
    advice_.sentence =
        "A refit is due: runs were read again, and the model has one level of noise for single readings.";
  } else if (options_.refit_after > 0 && advice_.runs >= options_.refit_after) {
    advice_.reason = RefitReason::runs;
    advice_.sentence = "A refit is due: " + since + ".";
  } else {
    advice_.sentence = "No refit is due: " + found + ".";
  }
  advice_.due = advice_.reason != RefitReason::none;
}

}  // namespace luban::surrogate
