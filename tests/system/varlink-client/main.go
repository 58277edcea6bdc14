// varlink-client: asks tenantd with a varlink library that knows nothing of tenantd.
// In:    the socket's path; the package generated from the daemon's own interface description.
// Out:   one JSON document of what was answered, on stdout; or what was wrong, and status 1.
// Never: more than a reading and a Sync.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"reflect"
	"time"

	"github.com/varlink/go/varlink"

	control "orgtenantdcontrol"
)

const name = "org.tenantd.Control"

func fail(format string, arguments ...interface{}) {
	fmt.Fprintf(os.Stderr, format+"\n", arguments...)
	os.Exit(1)
}

func check(what string, err error) {
	if err != nil {
		fail("%s: %v", what, err)
	}
}

// generic is a value as JSON has it, for comparing.
func generic(what string, data []byte) interface{} {
	var value interface{}
	check(what, json.Unmarshal(data, &value))
	return value
}

// strict reads a reply into the type that the interface declares: no member beyond it, and none
// missing that it does not allow to be missing.
func strict(what string, raw []byte, typed interface{}) {
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.DisallowUnknownFields()
	check(what, decoder.Decode(typed))
	again, err := json.Marshal(typed)
	check(what, err)
	if !reflect.DeepEqual(generic(what, raw), generic(what, again)) {
		fail("%s: answered\n%s\nwhere the interface says\n%s", what, raw, again)
	}
}

func call(ctx context.Context, c *varlink.Connection, method string, in, out interface{}) {
	var raw json.RawMessage
	check(method, c.Call(ctx, name+"."+method, in, &raw))
	strict(method, raw, out)
}

func expect(what string, err error, wanted error) {
	if err == nil || reflect.TypeOf(err) != reflect.TypeOf(wanted) {
		fail("%s: answered %T %v, not %T", what, err, err, wanted)
	}
}

func list(ctx context.Context, c *varlink.Connection, kind *string) ([]control.Resource, int) {
	receive, err := control.List().Send(ctx, c, varlink.More, kind, nil, nil)
	check("List", err)
	all, batches := []control.Resource{}, 0
	for {
		some, flags, err := receive(ctx)
		check("List", err)
		all = append(all, some...)
		batches++
		if flags&varlink.Continues == 0 {
			return all, batches
		}
	}
}

func history(ctx context.Context, c *varlink.Connection, since int64) []control.Event {
	follow := false
	receive, err := control.Watch().Send(ctx, c, varlink.More, &since, nil, &follow)
	check("Watch", err)
	events := []control.Event{}
	for {
		event, flags, err := receive(ctx)
		check("Watch", err)
		if event != nil {
			events = append(events, *event)
		}
		if flags&varlink.Continues == 0 {
			return events
		}
	}
}

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	c, err := varlink.NewConnection(ctx, "unix:"+os.Args[1])
	check("connecting", err)
	defer c.Close()

	var vendor, product, version, url string
	var interfaces []string
	check("GetInfo", c.GetInfo(ctx, &vendor, &product, &version, &url, &interfaces))

	var status struct {
		Status control.Status `json:"status"`
	}
	call(ctx, c, "GetStatus", nil, &status)
	var plan struct {
		Plan control.FullPlan `json:"plan"`
		Text string           `json:"text"`
	}
	call(ctx, c, "Plan", nil, &plan)
	resources, batches := list(ctx, c, nil)
	for _, r := range resources {
		var detail struct {
			Resource control.Detail `json:"resource"`
		}
		call(ctx, c, "Describe", map[string]string{"kind": r.Kind, "name": r.Name}, &detail)
	}
	database := "database"
	databases, _ := list(ctx, c, &database)
	events := history(ctx, c, 0)
	var rest []control.Event
	if len(events) > 0 {
		rest = history(ctx, c, events[0].Seq)
	}
	cycle, err := control.Sync().Call(ctx, c, nil, nil)
	check("Sync", err)

	_, err = control.Describe().Call(ctx, c, "database", "there-is-none")
	expect("Describe", err, &control.NotFound{})
	_, err = control.Approve().Call(ctx, c, "0000000000000000", "a test")
	expect("Approve", err, &control.NotFound{})
	expect("NoSuchMethod", c.Call(ctx, name+".NoSuchMethod", nil, nil), &varlink.MethodNotFound{})
	expect("no.such", c.Call(ctx, "no.such.Method", nil, nil), &varlink.InterfaceNotFound{})
	expect("Describe", c.Call(ctx, name+".Describe", map[string]int{"kind": 1}, nil),
		&varlink.InvalidParameter{})

	check("printing", json.NewEncoder(os.Stdout).Encode(map[string]interface{}{
		"product": product, "version": version, "interfaces": interfaces,
		"status": status.Status, "plan": plan.Plan, "text": plan.Text, "resources": resources,
		"databases": databases, "batches": batches, "events": events, "rest": rest, "cycle": cycle}))
}
