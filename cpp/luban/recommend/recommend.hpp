#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <Eigen/Core>

#include <luban/core/call_control.hpp>
#include <luban/core/random.hpp>
#include <luban/features/dataset.hpp>
#include <luban/process/envelope.hpp>
#include <luban/process/process.hpp>
#include <luban/process/trial.hpp>
#include <luban/recommend/export.hpp>
#include <luban/recommend/reach.hpp>
#include <luban/recommend/search.hpp>
#include <luban/surrogate/surrogate.hpp>

namespace luban::recommend {

/// What recommendations rest on.
struct LUBAN_RECOMMEND_EXPORT Basis {
  std::shared_ptr<const process::Process> process;
  std::shared_ptr<const surrogate::Surrogate> surrogate;      ///< as fitted, noise variables among its inputs
  std::shared_ptr<const features::Dataset> data;              ///< the runs it learned from; may be null
  std::shared_ptr<const process::TrainingEnvelope> envelope;  ///< what it has seen; may be null
  /// Calibration: factors on the half-widths of the stated intervals, by response; responses not named have 1.
  std::map<std::string, double> interval_ratios = {};
  /// Calibration: factor on the run mean's standard deviation for each outcome constraint of the process, in its order:
  /// the ratio at level 2p − 1, whose intervals leave 1 − p on either side. Empty = 1 for all.
  std::vector<double> bound_ratios = {};
};

enum class Kind {
  explore,    ///< log expected improvement, constrained: improves and learns
  best_mean,  ///< what is believed best now
};

/// A run that was proposed or started and has no result yet. An empty context means the one recommended for.
struct LUBAN_RECOMMEND_EXPORT PendingRun {
  process::Recipe recipe;
  std::vector<process::NamedValue> context;
};

/// How a recommendation is judged against the settings that run now. "Stay" is the answer when moving is not
/// convincing: kind best_mean: P(gain > min_gain) < conviction, gain = difference of the two expected responses, or of
/// their distances from the target, or of their risks, by their joint posterior; kind explore: E[max(0, gain)] ≤
/// max(min_gain, learning · spread between runs), nothing left worth learning. Running settings that break an outcome
/// bound are always left when admissible ones are known.
struct StayRule {
  double min_gain = 0.0;     ///< ≥ 0, in the objective's unit: smaller gains are not worth a change
  double conviction = 0.75;  ///< 0.5 … 0.999: three to one that the change pays
  double learning =
      0.02;  ///< 0 … 1: an expected improvement of 2 % of the run-to-run spread cannot be seen in practice
};

struct RecommendRequest {
  Kind kind = Kind::explore;
  int q = 1;  ///< 1 … 100 proposals; best_mean returns fewer when there are no more
  std::vector<process::NamedValue> context = {};  ///< every context variable
  std::string objective = {};                     ///< response to improve; empty = the process's first objective
  std::optional<process::Recipe> running = {};    ///< settings now; may lie outside the search range
  std::optional<process::MoveLimits> moves = {};  ///< every proposal is within them
  std::vector<PendingRun> pending = {};
  StayRule stay = {};
  double interval_level = 0.9;  ///< (0, 1) of the predictions' intervals
  double separation = 0.1;      ///< (0, 1] distance between best_mean proposals, in search ranges
  /// best_mean stays within this share of the envelope's left-out groups (see Reach); 1 = anywhere. Exploring may
  /// leave.
  double novelty = Reach::usual;
  std::string reason_to_stay = {};  ///< not empty: running settings are left only when this is, whatever a change gains
  std::string not_judged = {};      ///< not empty: why no probability of a gain may be stated
  std::vector<std::string> warnings = {};  ///< the asker's own, to stand before all others
  SearchOptions search = {};
};

/// A real run near a proposal, standing for all runs of its settings and context.
struct LUBAN_RECOMMEND_EXPORT NearRun {
  std::string run_id;
  int runs = 1;
  double distance = 0.0;  ///< over the parameters and the numeric context, in their ranges
  process::Recipe recipe;
  /// Mean of the objective over the runs' readings, gross errors left out; levels of the noise variables count as often
  /// as they occur in the context, like in predictions.
  double measured = process::no_number;
  std::string measured_over = {};  ///< the levels that the mean rests on where not all were measured; else empty
};

/// What the objective's expectation (or its risk, where it asks for one) does when one parameter moves through its
/// range, the others as proposed.
struct LUBAN_RECOMMEND_EXPORT Driver {
  std::string parameter;
  process::Value best;
  process::Value worst;
  double best_mean = 0.0;
  double worst_mean = 0.0;
};

/// What the runs at the reference's settings gave, in the same categories of context and within 1 % of its numbers,
/// beside what the model expects of the mean of as many.
struct LUBAN_RECOMMEND_EXPORT MeasuredReference {
  int runs = 0;  ///< 0 = never measured, nothing else is stated
  double mean = process::no_number;
  double standard_error = process::no_number;  ///< of the mean, by the spread between these runs; NaN of one run
  double expected = process::no_number;
  double lower = process::no_number;  ///< calibrated interval of their mean
  double upper = process::no_number;
  double gain = process::no_number;  ///< of the proposal's expectation against the measured mean, > 0 = better
  double gain_sd = process::no_number;
  bool contradicts = false;  ///< the measured mean lies outside the interval
};

/// The numbers behind a recommendation's sentences.
struct LUBAN_RECOMMEND_EXPORT Explanation {
  std::string reference;  ///< what the gain is against: "the running settings", …; empty = nothing to compare with
  double gain = process::no_number;  ///< in the objective's unit, > 0 = better
  double gain_sd = process::no_number;
  double probability_better = process::no_number;  ///< P(gain > min_gain); NaN when it may not be judged
  /// The objective's risk over the tolerances, which was optimised instead of its expectation and which the gain is of;
  /// NaN when the objective asks for none.
  double risk = process::no_number;
  double risk_sd = process::no_number;  ///< of the doubt about it
  MeasuredReference measured;
  std::vector<NearRun> nearest;         ///< at most 3, nearest first
  std::vector<Driver> drivers;          ///< largest effect first
  double novelty = process::no_number;  ///< share of left-out groups that were nearer to the training data
  bool new_combination = false;         ///< its categories never occurred together
  bool outside = false;                 ///< beyond the reach of the training data, or a new combination
  std::vector<std::string> warnings;    ///< sentences that stand first in `why`
};

struct LUBAN_RECOMMEND_EXPORT Proposal {
  process::Recommendation recommendation;
  Explanation explanation;
  Eigen::VectorXd x;         ///< coded parameters and context
  double acquisition = 0.0;  ///< value of the acquisition function
};

/// Proposes settings for one context, averaged over the noise variables as observed there and judged by what the
/// machine makes of them: the expectation over the tolerances, or the risk that an objective asks for. The stated
/// probability of the outcome bounds, by calibrated spreads where Basis::bound_ratios gives them, holds for every
/// proposal as long as any settings keep it. When none do, exploring proposes the settings most likely to keep them,
/// best_mean those expected to exceed them least (ExpectedExcess); probability_feasible says so, and nothing else is
/// optimised. best_mean answers within the reach of the training data; where nothing admissible lies there, with the
/// measured settings nearest to it. Outside that reach no probabilities are stated.
/// @throws ConfigurationError on a wrong context, objective, ratio or option; InfeasibleError naming the ranges and
/// constraints that contradict each other; StoppedError.
[[nodiscard]] LUBAN_RECOMMEND_EXPORT std::vector<Proposal> recommend(const Basis& basis,
                                                                     const RecommendRequest& request,
                                                                     core::RandomKey key,
                                                                     const core::CallControl& control = {});

struct ParetoRequest {
  std::vector<process::NamedValue> context = {};
  std::vector<std::string> objectives = {};       ///< two; empty = the process's first two
  int points = 16;                                ///< 2 … 200 levels along the front
  std::vector<double> reference = {};             ///< (2) corner of the hypervolume, in units; empty = see Front
  double novelty = Reach::usual;                  ///< as in RecommendRequest; 1 = anywhere
  std::string not_judged = {};                    ///< as in RecommendRequest
  std::vector<std::string> warnings = {};         ///< as in RecommendRequest
  std::optional<process::Recipe> running = {};    ///< for the gains in the first objective
  std::optional<process::MoveLimits> moves = {};  ///< every point of the front is within them
  double interval_level = 0.9;
  SearchOptions search = {};
};

/// Settings none of which is better in both objectives, by posterior means, best first objective first.
struct LUBAN_RECOMMEND_EXPORT Front {
  std::vector<Proposal> points;
  std::vector<std::string> objectives;  ///< (2)
  Eigen::MatrixXd values;               ///< (k, 2) expected responses, or risks of objectives that ask for one
  std::vector<double> reference;  ///< (2) worst value of each objective over front and admissible measured settings
  double hypervolume = 0.0;       ///< predicted, in the product of the two units
};

/// The front of two objectives: each level of the second one is a bound under which the first is optimised
/// (ε-constraint, Haimes et al. 1971), dominated answers are left out. It keeps within the reach of the training data;
/// where nothing admissible lies there it is the front of the measured settings.
/// @throws as recommend; ConfigurationError when there are not two objectives.
[[nodiscard]] LUBAN_RECOMMEND_EXPORT Front pareto(const Basis& basis, const ParetoRequest& request, core::RandomKey key,
                                                  const core::CallControl& control = {});

}  // namespace luban::recommend
