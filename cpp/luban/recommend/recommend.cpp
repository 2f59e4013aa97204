#include <luban/recommend/recommend.hpp>

#include <algorithm>
#include <cmath>
#include <utility>

#include <luban/core/error.hpp>
#include <luban/core/normal.hpp>
#include <luban/core/text.hpp>
#include <luban/parallel/arena.hpp>
#include <luban/recommend/best_mean.hpp>
#include <luban/recommend/decision_surrogate.hpp>
#include <luban/recommend/detail/gain.hpp>
#include <luban/recommend/detail/near_runs.hpp>
#include <luban/recommend/detail/rows.hpp>
#include <luban/recommend/detail/sentences.hpp>
#include <luban/recommend/detail/situation.hpp>
#include <luban/recommend/expected_excess.hpp>
#include <luban/recommend/log_expected_improvement.hpp>

namespace luban::recommend {
namespace {

using detail::Situation;

constexpr Eigen::Index most_measured_starts = 5;
constexpr double least_difference = 0.01;  ///< of what is explored together: 1 % of some parameter's range

void check(const RecommendRequest& request) {
  const StayRule& stay = request.stay;
  const auto refuse = [](const char* expected, double received) {
    throw core::ConfigurationError({.where = "recommend.recommend",
                                    .expected = expected,
                                    .received = core::number_text(received),
                                    .place = {},
                                    .hint = {}});
  };
  if (request.q < 1 || request.q > 100) refuse("1 to 100 proposals", request.q);
  if (!(stay.min_gain >= 0.0)) refuse("min_gain of at least 0", stay.min_gain);
  if (!(stay.conviction >= 0.5 && stay.conviction <= 0.999)) refuse("conviction from 0.5 to 0.999", stay.conviction);
  if (!(stay.learning >= 0.0 && stay.learning <= 1.0)) refuse("learning from 0 to 1", stay.learning);
  if (!(request.interval_level > 0.0 && request.interval_level < 1.0)) {
    refuse("an interval level between 0 and 1", request.interval_level);
  }
  if (!(request.novelty > 0.0 && request.novelty <= 1.0)) refuse("a novelty above 0 and at most 1", request.novelty);
  if (!(request.separation > 0.0 && request.separation <= 1.0)) {
    refuse("a separation above 0 and at most 1", request.separation);
  }
}

/// Predicted utility and admissibility of coded rows.
struct Judged {
  Eigen::VectorXd utility;
  std::vector<bool> admissible;
};

/// @param surrogate of the search: what is compared with its acquisition must be judged alike.
Judged judge(const Situation& situation, const surrogate::Surrogate& surrogate, const Utility& utility,
             const Eigen::MatrixXd& X) {
  if (X.rows() == 0) return {};
  const auto posterior = surrogate.posterior(X);
  Judged judged{posterior->mean().col(utility.response), detail::admissible(*posterior, situation.bounds)};
  for (double& value : judged.utility) value = utility.of(value);
  return judged;
}

/// The rows that belong to the region's context.
Eigen::MatrixXd in_context(const SearchRegion& region, const Eigen::MatrixXd& rows) {
  std::vector<Eigen::Index> here;
  for (Eigen::Index row = 0; row < rows.rows(); ++row) {
    bool same = true;
    for (const Eigen::Index column : region.encoder().columns_of(features::Role::context)) {
      same = same && std::abs(rows(row, column) - region.low(column)) < 1e-9;
    }
    if (same) here.push_back(row);
  }
  return rows(here, Eigen::all);
}

/// Row of the best admissible point; −1 when there is none.
Eigen::Index best_row(const Judged& judged) {
  Eigen::Index best = -1;
  for (std::size_t i = 0; i < judged.admissible.size(); ++i) {
    const auto row = static_cast<Eigen::Index>(i);
    if (judged.admissible[i] && (best < 0 || judged.utility(row) > judged.utility(best))) best = row;
  }
  return best;
}

/// One request in one situation, proposal after proposal.
class Advisor {
 public:
  Advisor(const Situation& situation, const RecommendRequest& request, core::RandomKey key,
          const core::CallControl& control)
      : situation_(situation),
        request_(request),
        utility_(detail::find_objective(situation, request.objective, "recommend.recommend")),
        surrogate_(detail::surrogate_for(situation, {utility_})),
        weights_(detail::reading_weights(situation, utility_)),
        key_(key),
        control_(control),
        pending_(static_cast<Eigen::Index>(request.pending.size()), situation.region.p()) {
    for (std::size_t i = 0; i < request.pending.size(); ++i) {
      pending_.row(static_cast<Eigen::Index>(i)) = detail::encode_pending(situation, request.pending[i]).transpose();
    }
    if (request.running) running_ = situation.region.encode(*request.running);
    const Judged judged = judge(situation_, *surrogate_, utility_, situation_.measured);
    choose_reference(judged);
    choose_starts(judged);
    // Of a computed objective nothing can be learned: exploring it is optimising it.
    explores_ = request.kind == Kind::explore && !situation.exact(utility_);
    if (!explores_) reach_ = detail::search_reach(situation, request.novelty);
  }

  std::vector<Proposal> run() {
    std::vector<Proposal> proposals;
    Eigen::MatrixXd chosen(0, situation_.region.p());
    for (int i = 0; i < request_.q; ++i) {
      control_.check("recommend.recommend");
      control_.report({"recommend", i, request_.q});
      if (exhausted_) break;
      const SearchResult found = propose(chosen, key_.child(static_cast<std::uint64_t>(i)));
      if (!explores_ && i > 0 && !found.admissible()) break;  // no further settings far enough from the others
      Proposal proposal = explain(found);
      if (i == 0 && running_ && (!request_.reason_to_stay.empty() || stays(proposal))) {
        return {stay(std::move(proposal))};
      }
      proposals.push_back(std::move(proposal));
      detail::append_row(chosen, found.x);
    }
    control_.report({"recommend", request_.q, request_.q});
    return proposals;
  }

 private:
  /// The best measured settings, of those that the training data cover as far as there are such.
  void choose_reference(Judged judged) {
    Eigen::Index row = best_row(judged);
    if (row >= 0 && situation_.reach != nullptr) {
      for (std::size_t i = 0; i < judged.admissible.size(); ++i) {
        const auto at = static_cast<Eigen::Index>(i);
        judged.admissible[i] =
            judged.admissible[i] && situation_.reach->covers(situation_.measured.row(at).transpose());
      }
      if (const Eigen::Index covered = best_row(judged); covered >= 0) row = covered;
    }
    if (row >= 0) measured_best_ = situation_.measured.row(row).transpose();
  }

  void choose_starts(const Judged& judged) {
    std::vector<Eigen::Index> order;
    for (Eigen::Index row = 0; row < situation_.measured.rows(); ++row) order.push_back(row);
    std::stable_sort(order.begin(), order.end(), [&](Eigen::Index a, Eigen::Index b) {
      if (judged.admissible[a] != judged.admissible[b]) return static_cast<bool>(judged.admissible[a]);
      return judged.utility(a) > judged.utility(b);
    });
    order.resize(std::min<std::size_t>(order.size(), most_measured_starts));
    starts_ = situation_.measured(order, Eigen::all);
    if (running_) detail::append_row(starts_, *running_);
  }

  SearchResult search_for(std::shared_ptr<const surrogate::Surrogate> surrogate,
                          std::shared_ptr<const AcquisitionFunction> acquisition, std::vector<OutcomeBound> bounds,
                          const Eigen::MatrixXd& avoid, core::RandomKey key) const {
    const double separation = explores_ ? exploring_separation() : request_.separation;
    const SurrogateLandscape landscape(
        {std::move(surrogate), std::move(acquisition), std::move(bounds), avoid, separation, reach_});
    return search(situation_.region, landscape, starts_, request_.search, key, control_);
  }

  /// Points this far apart differ by `least_difference` in at least one of the free numbers.
  [[nodiscard]] double exploring_separation() const {
    double numeric = 0.0;
    for (const features::EncodedVariable& variable : situation_.region.encoder().variables()) {
      if (variable.is_numeric() && variable.role == features::Role::parameter) numeric += 1.0;
    }
    return least_difference * std::sqrt(std::max(1.0, numeric));
  }

  SearchResult best_mean(const Eigen::MatrixXd& avoid, core::RandomKey key) const {
    return search_for(surrogate_, std::make_shared<BestMean>(utility_), situation_.predicted_bounds(), avoid, key);
  }

  SearchResult propose(const Eigen::MatrixXd& chosen, core::RandomKey key) {
    if (!explores_) {
      SearchResult found = best_mean(chosen, key);
      if (found.admissible() || chosen.rows() > 0) return found;
      if (reach_ == nullptr) return least_bad(surrogate_, chosen, key.child("feasible"));
      return nearest_known(key.child("feasible"));
    }
    Eigen::MatrixXd believed(pending_.rows() + chosen.rows(), situation_.region.p());
    believed << pending_, chosen;
    std::shared_ptr<const surrogate::Surrogate> surrogate = surrogate_;
    if (believed.rows() > 0) surrogate = std::make_shared<ConditionedSurrogate>(surrogate, believed);
    const std::optional<double> incumbent = find_incumbent(believed, key.child("incumbent"));
    if (!incumbent) return least_bad(surrogate, chosen, key.child("feasible"));
    auto acquisition = std::make_shared<LogExpectedImprovement>(utility_, *incumbent, situation_.predicted_bounds());
    const std::vector<OutcomeBound> bounds = situation_.predicted_bounds();
    SearchResult found = search_for(surrogate, acquisition, bounds, chosen, key);
    if (!found.admissible() && chosen.rows() > 0) {  // no further settings that differ: rather the same once more
      found = search_for(surrogate, acquisition, bounds, Eigen::MatrixXd(0, situation_.region.p()), key);
    }
    return found.admissible() ? found : least_bad(surrogate, chosen, key.child("feasible"));
  }

  /// Nothing admissible lies within reach: the nearest measured settings that keep every bound; when none does, what
  /// breaks the bounds least, within reach where this context is.
  SearchResult nearest_known(core::RandomKey key) {
    const auto measured_row = [&](Eigen::Index row) {
      return SearchResult{situation_.measured.row(row).transpose(), 0.0, 0.0, 0};
    };
    exhausted_ = true;
    const Eigen::Index row = detail::nearest_measured(situation_, *surrogate_, utility_, *reach_);
    left_reach_ = row >= 0;
    if (row >= 0) return measured_row(row);
    SearchResult found = breaking_least(surrogate_, Eigen::MatrixXd(0, situation_.region.p()), key);
    if (found.admissible()) return found;
    reach_ = nullptr;
    return least_bad(surrogate_, Eigen::MatrixXd(0, situation_.region.p()), key);
  }

  /// Utility of the best admissible posterior mean among settings measured or believed in this context, else the best
  /// found anywhere.
  std::optional<double> find_incumbent(const Eigen::MatrixXd& believed, core::RandomKey key) const {
    std::optional<double> best;
    for (const Eigen::MatrixXd& points : {situation_.measured, in_context(situation_.region, believed)}) {
      const Judged judged = judge(situation_, *surrogate_, utility_, points);
      if (const Eigen::Index row = best_row(judged); row >= 0) {
        best = std::max(best.value_or(judged.utility(row)), judged.utility(row));
      }
    }
    if (best) return best;
    const SearchResult found = best_mean(Eigen::MatrixXd(0, situation_.region.p()), key);
    if (!found.admissible()) return std::nullopt;
    return judge(situation_, *surrogate_, utility_, found.x.transpose()).utility(0);
  }

  /// Nothing keeps every bound with its probability, the computed ones are kept exactly. Exploring looks where the
  /// others most likely are kept; the best mean breaks them least.
  SearchResult least_bad(const std::shared_ptr<const surrogate::Surrogate>& surrogate, const Eigen::MatrixXd& chosen,
                         core::RandomKey key) const {
    const Eigen::MatrixXd none(0, situation_.region.p());
    SearchResult found = breaking_least(surrogate, explores_ ? chosen : none, key);
    if (!found.admissible() && chosen.rows() > 0) found = breaking_least(surrogate, none, key);
    if (!found.admissible()) detail::throw_exact_bounds_infeasible(situation_, found.x);
    return found;
  }

  SearchResult breaking_least(std::shared_ptr<const surrogate::Surrogate> surrogate, const Eigen::MatrixXd& avoid,
                              core::RandomKey key) const {
    std::shared_ptr<const AcquisitionFunction> acquisition;
    if (explores_) {
      acquisition = std::make_shared<LogProbabilityFeasible>(situation_.predicted_bounds());
    } else {
      acquisition = std::make_shared<ExpectedExcess>(situation_.predicted_bounds());
    }
    return search_for(std::move(surrogate), std::move(acquisition), {}, avoid, key);
  }

  [[nodiscard]] Proposal explain(const SearchResult& found) const {
    detail::Reference reference{"", {}, request_.stay.min_gain, request_.not_judged};
    if (running_) {
      reference.name = "the running settings";
      reference.x = *running_;
    } else if (measured_best_) {
      reference.name = "the best measured settings in this context";
      reference.x = *measured_best_;
    }
    Proposal proposal = detail::explain(situation_, utility_, found.x, explores_ ? "explore" : "best_mean", reference,
                                        request_.interval_level, weights_);
    detail::warn_first(request_.warnings, proposal);
    proposal.acquisition = found.value;
    std::vector<std::string>& why = proposal.recommendation.why;
    if (explores_) {
      const Eigen::VectorXd* against = reference.name.empty() ? nullptr : &reference.x;
      detail::say_first(proposal, detail::exploring_text(situation_, utility_, proposal, against));
    }
    if (left_reach_) {
      detail::say_first(proposal,
                        "Nothing admissible lies inside what the training data covered: these are the nearest measured "
                        "settings.");
    }
    if (!judge(situation_, *surrogate_, utility_, found.x.transpose()).admissible[0]) {
      const char* chosen = explores_ ? "these are the most likely to" : "these are expected to break them least";
      detail::say_first(
          proposal,
          std::string("No settings are known to keep every outcome constraint with its stated probability: ") + chosen +
              ", and nothing else was optimised.");
    }
    if (!running_ && measured_best_) {
      if (std::string text = detail::measured_settings_text(situation_); !text.empty()) why.push_back(std::move(text));
    }
    if (const auto& objectives = situation_.basis.process->objectives(); objectives.size() > 1) {
      why.push_back("Judged by " + situation_.response(utility_).name + " alone; the Pareto front trades it with the " +
                    "other objectives.");
    }
    return proposal;
  }

  [[nodiscard]] bool stays(const Proposal& proposal) const {
    const bool here = judge(situation_, *surrogate_, utility_, running_->transpose()).admissible[0];
    const bool there = judge(situation_, *surrogate_, utility_, proposal.x.transpose()).admissible[0];
    if (!here || !there) {
      const auto keeps = [&](const Eigen::VectorXd& x) {
        return detail::probability_feasible(*situation_.surrogate->posterior(x.transpose()), situation_.bounds)(0);
      };
      return here && !there ? true : !there && keeps(*running_) >= keeps(proposal.x);
    }
    const detail::Gain gain = detail::gain_over(*situation_.surrogate, utility_, proposal.x, *running_);
    if (!explores_) return conviction(proposal, gain) < request_.stay.conviction;
    return detail::expected_improvement(gain) <= std::max(request_.stay.min_gain, request_.stay.learning * gain.run_sd);
  }

  /// P(gain > min_gain): by the model, but against what the running settings measured where that contradicts it.
  [[nodiscard]] double conviction(const Proposal& proposal, const detail::Gain& gain) const {
    const MeasuredReference& measured = proposal.explanation.measured;
    if (!measured.contradicts || !(measured.gain_sd > 0.0)) {
      return detail::probability_above(gain, request_.stay.min_gain);
    }
    return std::exp(core::log_normal_cdf((measured.gain - request_.stay.min_gain) / measured.gain_sd));
  }

  /// The running settings as the answer, with what was found beside them said in the first sentence.
  [[nodiscard]] Proposal stay(Proposal found) const {
    const detail::Reference itself{found.explanation.reference, *running_, request_.stay.min_gain, {}};
    Proposal proposal =
        detail::explain(situation_, utility_, *running_, "stay", itself, request_.interval_level, weights_);
    detail::warn_first(request_.warnings, proposal);
    proposal.acquisition = found.acquisition;
    proposal.explanation.measured = found.explanation.measured;
    proposal.explanation.gain = found.explanation.gain;
    proposal.explanation.gain_sd = found.explanation.gain_sd;
    proposal.explanation.probability_better = found.explanation.probability_better;
    proposal.recommendation.stay = true;
    proposal.recommendation.expected_gain = 0.0;
    proposal.recommendation.recipe = *request_.running;
    detail::say_first(proposal, detail::stay_text(situation_, utility_, request_, found, explores_));
    return proposal;
  }

  const Situation& situation_;
  const RecommendRequest& request_;
  Utility utility_;
  std::shared_ptr<const surrogate::Surrogate> surrogate_;  ///< for searches
  Eigen::VectorXd weights_;                                ///< of the readings of the objective
  core::RandomKey key_;
  const core::CallControl& control_;
  Eigen::MatrixXd pending_;
  std::optional<Eigen::VectorXd> running_;
  std::optional<Eigen::VectorXd> measured_best_;
  Eigen::MatrixXd starts_;
  std::shared_ptr<const Reach> reach_;  ///< that searches keep; null = none
  bool left_reach_ = false;             ///< the answer is a measured one outside it
  bool exhausted_ = false;              ///< nothing else may be proposed
  bool explores_ = false;
};

}  // namespace

std::vector<Proposal> recommend(const Basis& basis, const RecommendRequest& request, core::RandomKey key,
                                const core::CallControl& control) {
  check(request);
  const Situation situation = detail::make_situation(basis, request.context, request.moves);
  std::vector<Proposal> proposals;
  // Searches and what a risk asks of many settings share the threads.
  parallel::with_threads(request.search.threads,
                         [&] { proposals = Advisor(situation, request, key.child("recommend"), control).run(); });
  return proposals;
}

}  // namespace luban::recommend
