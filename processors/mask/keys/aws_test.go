package keys

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestAWSCredentials: KMS takes what every place of the chain gives, in its order;
// what is named and wrong is an error, and not passed over. No secret is told.
func TestAWSCredentials(t *testing.T) {
	const secret = "secret/key"
	kms := fakeKMS(t, secret)
	agent := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/sts/":
			if r.ParseForm() != nil || r.Form.Get("Action") != "AssumeRoleWithWebIdentity" || r.Form.Get("WebIdentityToken") != "jwt" || r.Form.Get("RoleArn") != "arn:aws:iam::1:role/r" || r.Header.Get("Authorization") != "" {
				w.WriteHeader(403)
				fmt.Fprint(w, "<ErrorResponse><Error><Code>AccessDenied</Code><Message>jwt</Message></Error></ErrorResponse>")
				return
			}
			fmt.Fprintf(w, `<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleWithWebIdentityResult><Credentials><AccessKeyId>A</AccessKeyId><SecretAccessKey>%s</SecretAccessKey><SessionToken>s</SessionToken></Credentials></AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>`, secret)
		case r.URL.Path == "/creds" && r.Header.Get("Authorization") == "agent token":
			fmt.Fprintf(w, `{"AccessKeyId":"A","SecretAccessKey":%q,"Token":"s","Expiration":"2026-11-26T23:00:00Z"}`, secret)
		case r.URL.Path == "/moved":
			http.Redirect(w, r, "http://elsewhere.example", http.StatusFound)
		case r.URL.Path == "/odd":
			fmt.Fprint(w, "secret/key")
		default:
			w.WriteHeader(401)
		}
	}))
	defer agent.Close()
	file := func(text string) string { return write(t, []byte(text)) }
	profiles := file("[other]\naws_access_key_id=B\naws_secret_access_key=wrong\n[ default ]\n# aws_secret_access_key = no\naws_access_key_id = A\naws_secret_access_key = secret/key\n[half]\naws_access_key_id=A\n")
	home := t.TempDir()
	if err := os.Mkdir(filepath.Join(home, ".aws"), 0o700); err != nil {
		t.Fatal(err)
	}
	text, _ := os.ReadFile(profiles)
	if err := os.WriteFile(filepath.Join(home, ".aws", "credentials"), text, 0o600); err != nil {
		t.Fatal(err)
	}
	wrapped := file("wrapped")
	for name, c := range map[string]struct {
		vars map[string]string
		want string
	}{
		"web identity":          {map[string]string{"AWS_WEB_IDENTITY_TOKEN_FILE": file("jwt\n"), "AWS_ROLE_ARN": "arn:aws:iam::1:role/r", "AWS_ENDPOINT_URL_STS": agent.URL + "/sts", "AWS_SHARED_CREDENTIALS_FILE": "/nowhere"}, ""},
		"a refused token":       {map[string]string{"AWS_WEB_IDENTITY_TOKEN_FILE": file("other"), "AWS_ROLE_ARN": "arn:aws:iam::1:role/r", "AWS_ENDPOINT_URL_STS": agent.URL + "/sts", "HOME": home}, "status 403 AccessDenied"},
		"no role":               {map[string]string{"AWS_WEB_IDENTITY_TOKEN_FILE": file("jwt"), "HOME": home}, "AWS_ROLE_ARN is not set"},
		"STS in the clear":      {map[string]string{"AWS_WEB_IDENTITY_TOKEN_FILE": file("jwt"), "AWS_ROLE_ARN": "r", "AWS_ENDPOINT_URL_STS": "http://sts.example"}, "https only"},
		"a profile":             {map[string]string{"AWS_SHARED_CREDENTIALS_FILE": profiles}, ""},
		"the home's profile":    {map[string]string{"HOME": home}, ""},
		"another profile":       {map[string]string{"HOME": home, "AWS_PROFILE": "other"}, "IncompleteSignatureException"},
		"half a profile":        {map[string]string{"HOME": home, "AWS_PROFILE": "half"}, "there are none"},
		"no such profile":       {map[string]string{"HOME": home, "AWS_PROFILE": "nope"}, "no profile nope"},
		"a file that is away":   {map[string]string{"AWS_SHARED_CREDENTIALS_FILE": "/nowhere", "AWS_CONTAINER_CREDENTIALS_FULL_URI": agent.URL + "/creds"}, "no such file"},
		"a container":           {map[string]string{"AWS_CONTAINER_CREDENTIALS_FULL_URI": agent.URL + "/creds", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": file("agent token\n"), "HOME": t.TempDir()}, ""},
		"a token of a variable": {map[string]string{"AWS_CONTAINER_CREDENTIALS_FULL_URI": agent.URL + "/creds", "AWS_CONTAINER_AUTHORIZATION_TOKEN": "agent token"}, ""},
		"a wrong token":         {map[string]string{"AWS_CONTAINER_CREDENTIALS_FULL_URI": agent.URL + "/creds"}, "status 401"},
		"a redirect":            {map[string]string{"AWS_CONTAINER_CREDENTIALS_FULL_URI": agent.URL + "/moved"}, "status 302"},
		"an odd answer":         {map[string]string{"AWS_CONTAINER_CREDENTIALS_FULL_URI": agent.URL + "/odd"}, "cannot be read"},
		"a container elsewhere": {map[string]string{"AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://agent.example/creds"}, "https only"},
		"nothing":               {nil, "no credentials"},
		"the environment first": {map[string]string{"AWS_ACCESS_KEY_ID": "A", "AWS_SECRET_ACCESS_KEY": secret, "AWS_WEB_IDENTITY_TOKEN_FILE": "/nowhere"}, ""},
	} {
		vars := map[string]string{"AWS_ENDPOINT_URL_KMS": kms.URL}
		for k, v := range c.vars {
			vars[k] = v
		}
		err := opened(t, outside(vars), Config{Ref: "awskms:" + keyARN + "#file:" + wrapped})
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
		if err != nil && (strings.Contains(err.Error(), secret) || strings.Contains(err.Error(), "jwt") || strings.Contains(err.Error(), "agent token")) { // P5
			t.Errorf("%s: a secret is in %v", name, err)
		}
	}
}
