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
# 2. Sign in above. Your token then
#    stands in "Headers" below.
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
const root = ReactDOM.createRoot(document.getElementById("graphiql"));

// GraphiQL puts other `headers` into its editor, whatever stood there.
function show(headers) {
  root.render(
    React.createElement(GraphiQL, {
      fetcher,
      headers,
      defaultQuery: DEFAULT_QUERY,
      defaultEditorToolsVisibility: "headers",
    }),
  );
}
show(undefined);

const LOGIN = `mutation SignIn($username: String!, $password: String!) {
  login(username: $username, password: $password) {
    accessToken
    expiresAt
    user { username }
  }
}`;

async function login(variables) {
  const answer = await fetch(url, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ query: LOGIN, variables }),
  });
  const { data, errors } = await answer.json();
  if (errors) throw new Error(errors[0].message);
  return data.login;
}

const form = document.getElementById("sign-in");
form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const told = form.querySelector("output");
  try {
    const { accessToken, expiresAt, user } = await login(Object.fromEntries(new FormData(form)));
    show(JSON.stringify({ Authorization: `Bearer ${accessToken}` }, null, 2));
    form.elements.password.value = "";
    told.value = `Signed in as ${user.username} until ${new Date(expiresAt).toLocaleTimeString()}.`;
  } catch (error) {
    told.value = error instanceof TypeError ? "The portal can't be reached." : error.message;
  }
});
