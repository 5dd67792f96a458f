// Starts GraphiQL on this portal. Headers, such as Authorization, go with subscriptions, too.
const DEFAULT_QUERY = `# Everything here happens for real.
#
# 1. Sign up. A command answers with a
#    job at once; ask for its outcome.
#
# mutation {
#   createUser(input: {
#     username: "alice"
#     password: "a good long password"
#   }) { id }
# }
# query {
#   job(id: "…", wait: 10) {
#     status rejection { code message }
#   }
# }
#
# 2. Sign in, and put the token into
#    "Headers" below:
#    {"Authorization": "Bearer …"}
#
# mutation {
#   login(
#     username: "alice"
#     password: "a good long password"
#   ) { accessToken }
# }
#
# 3. Bid, and watch.
#
# mutation {
#   placeBid(input: {
#     auctionId: "…", amount: "120.00"
#   }) { id }
# }
# subscription {
#   auctionEvents(id: "…") {
#     __typename version
#   }
# }

query OpenAuctions {
  serverTime
  auctions {
    edges {
      node {
        id
        title
        endsAt
        leadingBid {
          effectiveAmount
          bidder { username }
        }
      }
    }
  }
}
`;

const url = new URL("/graphql", window.location.href);
const socket = new URL(url);
socket.protocol = url.protocol.replace("http", "ws");

const fetcher = GraphiQL.createFetcher({ url: url.href, subscriptionUrl: socket.href });
ReactDOM.createRoot(document.getElementById("graphiql")).render(
  React.createElement(GraphiQL, {
    fetcher,
    defaultQuery: DEFAULT_QUERY,
    defaultEditorToolsVisibility: "headers",
  }),
);
